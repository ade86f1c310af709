// `npm run bench [-- --only scanner,load,memory,overhead,empty,parallel,polling] [--size 95MB,100MB,1GB,5GB] [--repeat 5]
// [--without-peers] [--quick] [--work FOLDER] [--dist FOLDER]`: speed and memory compared with the same calls by other
// clients. Tables on stdout, all numbers in a JSON file in the work folder, the ratios in `ratios.md` beside it.
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ratiosOf } from './ratios.mjs';
import { SIZES } from './data.mjs';
import { machine } from './machine.mjs';
import { empty } from './parts/empty.mjs';
import { load } from './parts/load.mjs';
import { memory } from './parts/memory.mjs';
import { overhead } from './parts/overhead.mjs';
import { parallel } from './parts/parallel.mjs';
import { polling } from './parts/polling.mjs';
import { recovery } from './parts/recovery.mjs';
import { scanner } from './parts/scanner.mjs';

const PARTS = { polling, scanner, overhead, empty, load, parallel, memory, recovery };
/** Six minutes of kills measure timeouts, not speed. */
const BY_DEFAULT = Object.keys(PARTS).filter((name) => name !== 'recovery');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: BY_DEFAULT.join() },
    size: { type: 'string', default: '95MB,100MB,1GB' },
    repeat: { type: 'string', default: '5' },
    'without-peers': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    work: { type: 'string', default: fileURLToPath(new URL('../.nightload/bench/', import.meta.url)) },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist/', import.meta.url)) },
  },
});

// Two minutes, for a look at the ratios after each change.
if (values.quick) {
  Object.assign(values, { only: 'scanner,overhead,load', size: '95MB,1GB', 'without-peers': true });
}
const wanted = values.only.split(',');
const sizes = values.size.split(',');
const unknown = [...wanted.filter((name) => !(name in PARTS)), ...sizes.filter((name) => !(name in SIZES))];
if (unknown.length > 0) {
  console.error(`Not known: ${unknown.join(', ')}. Parts: ${Object.keys(PARTS)}. Sizes: ${Object.keys(SIZES)}.`);
  process.exit(1);
}

await mkdir(values.work, { recursive: true });
const options = {
  work: `${await realpath(values.work)}/`,
  dist: pathToFileURL(`${await realpath(values.dist)}/`),
  sizes,
  repeat: values.quick ? 1 : Math.max(1, Number(values.repeat)),
  quick: values.quick,
  peers: !values['without-peers'],
};
const report = { machine: machine() };
console.log(
  Object.entries(report.machine)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n'),
);
const file = `${options.work}bench-${report.machine.date.replace(/\D/g, '')}.json`;
for (const name of wanted) {
  report[name] = await PARTS[name](options);
  // Written after each part, so that a stopped run keeps its results.
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
}
const ratios = ratiosOf(report);
console.log(`\n${ratios}`);
await writeFile(`${options.work}ratios.md`, ratios);
console.log(`\nAll numbers: ${file}`);
