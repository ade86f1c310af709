/** The page about starting loads includes all examples, unchanged. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(`${ROOT}docs/triggering.md`, 'utf8');
const shown = [...page.matchAll(/<!-- (examples\/\S+) -->\n\n```\w+\n([^]*?)```\n/g)].map(
  ([, path, code]) => [path, code] as [string, string],
);

it.each(shown)('%s', (path, code) => {
  expect(code).toBe(readFileSync(ROOT + path, 'utf8'));
});

it('includes every example', () => {
  const folders = readdirSync(`${ROOT}examples`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect([...new Set(shown.map(([path]) => path.split('/')[1]))].sort()).toEqual(
    folders.map(({ name }) => name).sort(),
  );
});

it('recommends a way for each use case', () => {
  const anchors = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  const titles = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title?.toLowerCase().replaceAll(' ', '-'));
  expect(anchors.length).toBeGreaterThan(5);
  expect(titles).toEqual(expect.arrayContaining(anchors));
});
