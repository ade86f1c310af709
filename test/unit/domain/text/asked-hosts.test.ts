import { expect, it } from 'vitest';
import { askedHosts } from '../../../../src/domain/text/asked-hosts.js';

const reply = (queue: string, hosts: string[], why: string) => ({ group: { queue, hosts }, why });

it('lists a host once, however many of its workers were asked', () => {
  expect(askedHosts(['one', 'two', 'three'].map((queue) => reply(queue, ['a'], 'SOURCE_NOT_FOUND')))).toBe(
    'a (SOURCE_NOT_FOUND)',
  );
});

it('keeps all reasons of a host, and lists hosts with the same reasons together', () => {
  const replies = [
    reply('one', ['a'], 'SOURCE_NOT_FOUND'),
    reply('two', ['b', 'c'], 'SOURCE_NOT_FOUND'),
    reply('three', ['a'], 'no answer: busy or gone'),
    reply('four', [], 'failed'),
  ];
  expect(askedHosts(replies)).toBe(
    'a (SOURCE_NOT_FOUND; no answer: busy or gone), b/c (SOURCE_NOT_FOUND), four (failed)',
  );
});
