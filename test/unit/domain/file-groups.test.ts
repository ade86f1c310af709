import { describe, expect, it } from 'vitest';
import { groupsOf, identityWithGroup } from '../../../src/domain/file-groups.js';
import type { Poller } from '../../../src/domain/task-queue-facts.js';

const polling = (identities: readonly unknown[], idleMs = 5): Poller[] =>
  identities.map((identity) => ({ identity, idleMs }));
const worker = (host: string, id: string, pid = 7): string =>
  identityWithGroup(`${pid}@${host}`, 'nightload', `nightload-files-${id}`);

describe('groups of workers that share a folder', () => {
  it('are read from the identities of pollers, each once, with their hosts', () => {
    const identities = [worker('b', 'two'), worker('a', 'one'), worker('a', 'one', 8), worker('c', 'one')];
    expect(groupsOf(polling(identities), 'nightload')).toEqual([
      { queue: 'nightload-files-one', hosts: ['a', 'c'] },
      { queue: 'nightload-files-two', hosts: ['b'] },
    ]);
    expect(identities[0]).toBe('7@b files-two');
  });

  it('are away if none of their workers polled lately', () => {
    const pollers = [...polling([worker('a', 'one'), worker('b', 'two')], 200), ...polling([worker('c', 'two')], 100)];
    expect(groupsOf(pollers, 'nightload', 150)).toEqual([
      { queue: 'nightload-files-one', hosts: ['a'], away: true },
      { queue: 'nightload-files-two', hosts: ['b', 'c'] },
    ]);
  });

  it("use no other part of a poller's identity", () => {
    const strange = [
      undefined,
      7,
      '',
      '7@host',
      'files-one',
      'x files-',
      'x files-../../up',
      'x files-a b',
      `x files-${'a'.repeat(101)}`,
      `${'x'.repeat(1000)} files-one`,
    ];
    expect(groupsOf(polling(strange), 'nightload')).toEqual([]);
    expect(groupsOf(polling(['a\u001b[31m@b\u0007c files-one']), 'q')).toEqual([{ queue: 'q-files-one', hosts: [] }]);
  });

  it('are at most fifty', () => {
    const many = Array.from({ length: 200 }, (_, i) => worker(`h${i}`, `id${i}`));
    expect(groupsOf(polling(many), 'nightload')).toHaveLength(50);
  });
});
