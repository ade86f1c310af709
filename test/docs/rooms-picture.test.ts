/** The picture of the rooms in CONTRIBUTING.md. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROOMS } from '../../.dependency-cruiser.mjs';
import { BLOCK, picture } from '../../scripts/rooms-picture.mjs';

const DRAWN = picture();
const arrows = [...DRAWN.matchAll(/^ {2}(\w+) (?:-->|-\.->) (\w+)$/gm)].map(
  ([, from = '', to = '']) => [from, to] as const,
);

it('is drawn from the rules of the linter', () => {
  const text = readFileSync(new URL('../../CONTRIBUTING.md', import.meta.url), 'utf8');
  expect(BLOCK.exec(text)?.[0], 'run node scripts/rooms-picture.mjs').toBe(DRAWN);
});

it('shows every room, and no circle of imports', () => {
  const isDrawn = (room: string): boolean => new RegExp(`\\b${room}\\b`).test(DRAWN);
  expect(Object.keys(ROOMS).filter((room) => !isDrawn(room))).toEqual([]);
  // Types may point back: protocol and domain name each other's.
  const imports = arrows.filter(([from, to]) => DRAWN.includes(`${from} --> ${to}`));
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
    imports.some(([one, to]) => one === from && (to === goal || (!seen.has(to) && reaches(to, goal, seen.add(to)))));
  expect(Object.keys(ROOMS).filter((room) => reaches(room, room))).toEqual([]);
});
