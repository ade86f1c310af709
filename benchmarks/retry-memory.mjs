/**
 * Peak memory and time of the step that finds failed rows again in the source. Creates a source and the result files of
 * its parts in a folder, then runs the built activity on them in a separate process. For comparison: how long `wc -l` of
 * the source takes, and `cat` of the source and the files of failed rows.
 *
 *   node benchmarks/retry-memory.mjs [rows = 10000000] [share that failed = 0.5] [folder]
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dist = (name) => import(new URL(`../dist/${name}`, import.meta.url).href);
const HEADER = 'External_Id__c,Name,AnnualRevenue,Last_Audit__c,BillingCity\n';
const NAMES = HEADER.trim().split(',');
const PART_BYTES = 100_000_000;

/** Buffers lines for a file. */
class Lines {
  #file;
  #waiting = [];
  #length = 0;

  constructor(path) {
    this.#file = openSync(path, 'w');
  }

  add(line) {
    this.#waiting.push(line);
    this.#length += line.length;
    if (this.#length > 4_000_000) this.#flush();
  }

  #flush() {
    writeSync(this.#file, this.#waiting.join(''));
    this.#waiting = [];
    this.#length = 0;
  }

  close() {
    this.#flush();
    closeSync(this.#file);
  }
}

const failed = (n, share) => ((Math.imul(n, 0x9e3779b1) >>> 8) % 10_000) / 10_000 < share;
const name = (n) => `Customer number ${n} of the northern region`;
const row = (n) =>
  `EXT-${String(n).padStart(9, '0')},"${name(n)}",${n % 9973}.0,2026-01-02T03:04:05+02:00,City ${n % 977}\n`;
/** The platform's format of the same row. */
const shown = (n) =>
  `"ext-${String(n).padStart(9, '0')}","${name(n)}","${n % 9973}","2026-01-02T01:04:05.000Z","City ${n % 977}"\n`;

async function make(folder, rows, share) {
  const { planParts } = await dist('csv/plan-parts.js');
  const { readRange } = await dist('storage/read-files.js');
  const { fingerprint } = await dist('storage/fingerprint.js');
  const { savePlan, partFiles, stageOf } = await dist('activities/stage/stage-plan.js');
  const source = join(folder, 'source.csv');
  const lines = new Lines(source);
  lines.add(HEADER);
  for (let n = 0; n < rows; n++) lines.add(row(n));
  lines.close();
  const { parts } = await planParts(readRange(source, HEADER.length), {
    delimiter: ',',
    base: HEADER.length,
    maxBytes: PART_BYTES - HEADER.length,
  });
  const stageFolder = join(folder, 'first');
  const plan = {
    rows: source,
    fingerprint: await fingerprint(source),
    delimiter: ',',
    lineEnding: 'LF',
    names: NAMES,
    parts,
    groups: [{ operation: 'upsert', externalIdFieldName: NAMES[0], firstPart: 1, lastPart: parts.length }],
    key: { column: NAMES[0], type: 'string', caseSensitive: false },
  };
  await savePlan(stageFolder, plan);
  const outcomes = [];
  let first = 0;
  for (const [index, { records }] of parts.entries()) {
    const files = partFiles(stageFolder, index + 1);
    mkdirSync(files.folder, { recursive: true });
    const landed = new Lines(files.succeeded);
    const locked = new Lines(files.failed);
    landed.add(`"sf__Id","sf__Created",${HEADER}`);
    locked.add(`"sf__Id","sf__Error",${HEADER}`);
    let failures = 0;
    for (let at = 0; at < records; at++) {
      // Results have a different order than the sent rows.
      const n = first + ((at * 7919) % records);
      if (failed(n, share)) {
        failures++;
        locked.add(`"","UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--",${shown(n)}`);
      } else landed.add(`"001000000000000AAA","true",${shown(n)}`);
    }
    landed.close();
    locked.close();
    const counts = { succeeded: records - failures, failed: failures, failedForGood: 0, unprocessed: 0 };
    outcomes.push({ part: index + 1, kind: 'loaded', counts, missing: 0 });
    first += records;
  }
  const input = {
    stage: stageOf(stageFolder, plan),
    outcomes,
    operation: 'upsert',
    final: false,
    nextStageUri: pathToFileURL(join(folder, 'round-1/')).href,
    partMaxBytes: PART_BYTES,
  };
  const file = openSync(join(folder, 'input.json'), 'w');
  writeSync(file, JSON.stringify(input));
  closeSync(file);
}

const peak = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;

async function sort(folder) {
  const { MockActivityEnvironment } = await import('@temporalio/testing');
  const { triageRows } = await dist('activities/retry/triage-rows.js');
  const { FileRoots } = await dist('storage/files/file-roots.js');
  const input = JSON.parse(readFileSync(join(folder, 'input.json'), 'utf8'));
  const activity = triageRows({ roots: await FileRoots.open([folder]) });
  const before = peak();
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const environment = new MockActivityEnvironment();
  let beats = 0;
  let latest = begun;
  let longest = 0;
  environment.on('heartbeat', () => {
    const now = performance.now();
    longest = Math.max(longest, now - latest);
    latest = now;
    beats++;
  });
  const sorted = await environment.run(activity, input);
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    JSON.stringify({
      seconds: Math.round((performance.now() - begun) / 100) / 10,
      cpuSeconds: Math.round((user + system) / 1e5) / 10,
      peakMB: Math.round(peak()),
      peakBeforeMB: Math.round(before),
      sentAgain: sorted.next?.records,
      rejected: sorted.rejected,
      rerendered: sorted.rerendered,
      heartbeats: beats,
      longestBetweenHeartbeatsMs: Math.round(longest),
    }),
  );
}

/** How long a program takes to read files. */
function seconds(program, ...args) {
  const begun = performance.now();
  const { status } = spawnSync(program, args, { stdio: 'ignore' });
  return status === 0 ? Math.round((performance.now() - begun) / 10) / 100 : undefined;
}

function compare(folder) {
  const source = join(folder, 'source.csv');
  const first = join(folder, 'first');
  const failed = readdirSync(first)
    .map((part) => join(first, part, 'failed.csv'))
    .filter((path) => existsSync(path));
  console.log(
    JSON.stringify({ wcSeconds: seconds('wc', '-l', source), catSeconds: seconds('cat', source, ...failed) }),
  );
}

if (process.argv[2] === '--sort') {
  await sort(process.argv[3]);
} else {
  const rows = Number(process.argv[2] ?? 10_000_000);
  const share = Number(process.argv[3] ?? 0.5);
  const folder = realpathSync(mkdtempSync(join(process.argv[4] ?? tmpdir(), 'nightload-retry-')));
  try {
    await make(folder, rows, share);
    console.log(
      `${rows} rows, ${Math.round(statSync(join(folder, 'source.csv')).size / 1e6)} MB, ${share * 100} % failed`,
    );
    compare(folder);
    const run = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--sort', folder], { stdio: 'inherit' });
    process.exitCode = run.status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
