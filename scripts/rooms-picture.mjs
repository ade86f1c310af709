// Draws the rooms of src/ and the imports that the linter permits, as Mermaid for CONTRIBUTING.md:
// `node scripts/rooms-picture.mjs` writes it there. Arrows that others imply are left out; dotted ones are types only.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ROOMS } from '../.dependency-cruiser.mjs';

const CONTRIBUTING = fileURLToPath(new URL('../CONTRIBUTING.md', import.meta.url));
export const BLOCK = /```mermaid\n[^]*?```/;

/** Everything that can be reached from a room through others. */
function reachable(from, seen = new Set()) {
  for (const to of whole(from)) {
    if (seen.has(to)) continue;
    seen.add(to);
    reachable(to, seen);
  }
  return seen;
}

const whole = (room) => (ROOMS[room] ?? []).filter((name) => !name.endsWith(':type'));
const typesOf = (room) =>
  (ROOMS[room] ?? []).filter((name) => name.endsWith(':type')).map((name) => name.slice(0, -':type'.length));

export function picture() {
  const lines = Object.keys(ROOMS).flatMap((room) => {
    const isImplied = (to) => whole(room).some((other) => other !== to && reachable(other).has(to));
    return [
      ...whole(room)
        .filter((to) => !isImplied(to))
        .map((to) => `  ${room} --> ${to}`),
      ...typesOf(room).map((to) => `  ${room} -.-> ${to}`),
      ...((ROOMS[room] ?? []).length === 0 ? [`  ${room}`] : []),
    ];
  });
  return ['```mermaid', 'flowchart TD', ...lines, '```'].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await readFile(CONTRIBUTING, 'utf8');
  await writeFile(
    CONTRIBUTING,
    text.replace(BLOCK, () => picture()),
  );
}
