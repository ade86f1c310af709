/** Names of files that are being written: unpredictable, so that nothing can be put there in advance. */
import { randomUUID } from 'node:crypto';

const UNFINISHED = /^\.[0-9a-f-]{36}\.tmp$/;

export function unfinishedName(): string {
  return `.${randomUUID()}.tmp`;
}

export function isUnfinished(name: string): boolean {
  return UNFINISHED.test(name);
}
