/**
 * Writes docs/licenses.md: the packages that run with nightload, by licence, as package-lock.json has them. With `--check`
 * only says whether the page is current. A package whose licence nobody has looked at yet is an error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const PAGE = path('docs/licenses.md');

/** Licences under which nightload may be used and passed on as it is, for any purpose. */
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
  'Unlicense',
];
/** Of packages that name none in their `package.json`: what their LICENSE file is. */
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
      `${name} ${version}: read its licence (${licence ?? 'none named'}) and add it to scripts/licenses.mjs.`,
    );
    process.exit(1);
  }
  const lines = byLicence.get(licence) ?? new Set();
  byLicence.set(licence, lines.add(`- \`${name}\` ${version}`));
}

const sections = [...byLicence].sort(([a], [b]) => (a < b ? -1 : 1));
const page = `# Licences

nightload itself is under the [Apache License 2.0](../LICENSE). This page lists every package that is installed with it, those that it brings
and Temporal's SDK that it asks for, with all that these bring, as \`package-lock.json\` has them. \`npm run licenses\` writes it. What only builds and tests
nightload is not listed. \`@temporalio/core-bridge\` holds a library that was compiled from Rust packages, which its
\`Cargo.lock\` names.

${sections.map(([licence, lines]) => `## ${licence}\n\n${[...lines].sort().join('\n')}\n`).join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
else if (readFileSync(PAGE, 'utf8') !== page) {
  console.error('docs/licenses.md is not what package-lock.json says: npm run licenses');
  process.exitCode = 1;
}
