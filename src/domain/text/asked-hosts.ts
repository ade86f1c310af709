/** Hosts that were asked for a file, each once, however many workers it runs. Pure. */
import type { FileGroup } from '../file-groups.js';

export interface Reply {
  group: Pick<FileGroup, 'queue' | 'hosts'>;
  why: string;
}

/** `host-a/host-b (SOURCE_NOT_FOUND), host-c (no answer: busy or gone)` */
export function askedHosts(replies: readonly Reply[]): string {
  const reasons = new Map<string, Set<string>>();
  for (const { group, why } of replies) {
    for (const host of group.hosts.length > 0 ? group.hosts : [group.queue]) {
      reasons.set(host, (reasons.get(host) ?? new Set()).add(why));
    }
  }
  const hosts = new Map<string, string[]>();
  for (const [host, given] of reasons) {
    const why = [...given].join('; ');
    hosts.set(why, [...(hosts.get(why) ?? []), host]);
  }
  return [...hosts].map(([why, names]) => `${names.join('/')} (${why})`).join(', ');
}
