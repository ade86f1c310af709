/**
 * Writes docs/licenses.md: the runtime dependencies of nightload by license, from package-lock.json. With `--check` it
 * only reports whether the page is current. A license that has not been reviewed is an error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const PAGE = path('docs/licenses.md');

/** Licenses under which nightload may be used and redistributed as it is, for any purpose. */
const KNOWN = [
  '0BSD',
  'Apache-2.0',
  'Apache-2.0 AND MIT',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC-BY-4.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
];
/** Licenses of packages that name none in their `package.json`, from their LICENSE files. */
const READ = { unionfs: 'Unlicense' };

const { packages } = JSON.parse(readFileSync(path('package-lock.json'), 'utf8'));
const byLicence = new Map();
for (const [place, { version, license, dev, devOptional }] of Object.entries(packages)) {
  if (place === '') continue;
  if (dev || devOptional) continue;
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const licence = license ?? READ[name];
  if (!KNOWN.includes(licence)) {
    console.error(
      `${name} ${version}: read its license (${licence ?? 'none named'}) and add it to scripts/licenses.mjs.`,
    );
    process.exit(1);
  }
  const lines = byLicence.get(licence) ?? new Set();
  byLicence.set(licence, lines.add(`- \`${name}\` ${version}`));
}

const sections = [...byLicence].sort(([a], [b]) => (a < b ? -1 : 1));
const page = `# Licenses

nightload itself is under the [Apache License 2.0](../LICENSE). This page lists every package that is installed with it: its dependencies
and Temporal's SDK (a peer dependency), with their dependencies, as in \`package-lock.json\`. \`npm run licenses\` writes it. Packages used only to build and test
nightload are not listed. Some of them are also part of \`dist/command/\`, the short commands in a few files; \`licenses.txt\` there has their
licenses. \`@temporalio/core-bridge\` contains a library compiled from the Rust packages in its
\`Cargo.lock\`.

${sections.map(([licence, lines]) => `## ${licence}\n\n${[...lines].sort().join('\n')}\n`).join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, 'utf8') !== page) {
  console.error('docs/licenses.md is not what package-lock.json says: npm run licenses');
  process.exitCode = 1;
}
