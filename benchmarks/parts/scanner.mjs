// Speed of the record scanner, compared with `wc -l`, which only counts line breaks, and with a full parse. All read
// the same file from the page cache. Measured in processor time, since other programs may use the machine too; planning
// also in wall time, since it reads ahead in another thread.
import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { remove } from '../data.mjs';
import { processorTime, run } from '../processes.mjs';
import { median, printTable } from '../table.mjs';

const BYTES = 500e6;
/** A full parse is so slow that it gets fewer bytes. */
const PARSED_BYTES = 50e6;

const KINDS = {
  'no quotes': (n) => `A-${n},Account ${n} and more text,Philadelphia,a description without any marks in it,${n * 7}\n`,
  'two quoted cells per record': (n) =>
    `A-${n},"Account ${n}, Inc.",Philadelphia,"a description with ""marks"" in it",${n * 7}\n`,
  'line breaks in quotes': (n) => `A-${n},"Account ${n}, Inc.",Philadelphia,"line 1\nline ""2"", of\nthree",${n * 7}\n`,
  'every cell quoted': (n) =>
    `"001Dn0000${n}","true","A-${n}","Account ${n}, Inc.","Philadelphia","a description in quotes","${n * 7}"\n`,
};

export async function scanner({ dist, work, repeat }) {
  const { Scanner } = await import(new URL('csv/scanner.js', dist));
  const { RecordCounter } = await import(new URL('csv/record-counter.js', dist));
  const { planParts } = await import(new URL('csv/plan-parts.js', dist));
  const { scanRange } = await import(new URL('storage/read-files.js', dist));
  const { parse } = createRequire(new URL('index.js', dist))('csv-parse');
  const ways = {
    async wc(path) {
      await run('wc', ['-l', path]);
    },
    async scanner(path) {
      let records = 0;
      const found = new Scanner(',', 0, () => records++);
      for await (const chunk of scanRange(path, 0)) found.push(chunk);
      found.finish();
      return records;
    },
    async counting(path) {
      const counter = new RecordCounter(',');
      for await (const chunk of scanRange(path, 0)) counter.push(chunk);
      return counter.finish().records;
    },
    // With all checks of a load.
    async planning(path, width) {
      const how = { delimiter: ',', maxBytes: 100e6, width, leaveOutBlank: true };
      return (await planParts(scanRange(path, 0), how)).records;
    },
  };
  const result = {};
  for (const [kind, record] of Object.entries(KINDS)) {
    const path = `${work}scanner.csv`;
    const written = await write(path, record, BYTES);
    const width = kind === 'every cell quoted' ? 7 : 5;
    const walls = [];
    const speeds = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
    for (let n = 0; n <= repeat; n++) {
      for (const [way, work] of Object.entries(ways)) {
        const { speed, wallSpeed, records } = await measure(() => work(path, width), written.bytes);
        // The first round warms the page cache and the compiler.
        if (n > 0) speeds[way].push(speed);
        if (n > 0 && way === 'planning') walls.push(wallSpeed);
        if (records !== undefined && records !== written.records) throw new Error(`${way}: ${records} records`);
      }
    }
    const part = await write(path, record, PARSED_BYTES);
    const parsing = await measure(async () => {
      let records = 0;
      for await (const record of read(path).pipe(parse())) records += record.length > 0 ? 1 : 0;
      return records;
    }, part.bytes);
    if (parsing.records !== part.records) throw new Error(`csv-parse: ${parsing.records} records`);
    const row = Object.fromEntries(Object.entries(speeds).map(([way, all]) => [way, median(all)]));
    result[kind] = { ...row, planningWall: median(walls), csvParse: parsing.speed };
    await remove(path);
  }
  printTable(
    `Finding records, ${BYTES / 1e6} MB from the page cache (MB per second of processor time)`,
    ['records', 'wc -l', 'each', 'of wc -l', 'count', 'of wc -l', 'planning', 'of wc -l', '… wall time', 'csv-parse'],
    Object.entries(result).map(([kind, { wc, scanner, counting, planning, planningWall, csvParse }]) => [
      kind,
      Math.round(wc),
      ...[scanner, counting, planning].flatMap((speed) => [Math.round(speed), `${Math.round((100 * speed) / wc)} %`]),
      Math.round(planningWall),
      Math.round(csvParse),
    ]),
  );
  return result;
}

/** @returns MB per second of processor time, and of wall time */
async function measure(work, bytes) {
  const spent = async () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 + (await processorTime()).children;
  };
  const before = await spent();
  const start = performance.now();
  const records = await work();
  const wallSpeed = bytes / (performance.now() - start) / 1e3;
  return { records, wallSpeed, speed: bytes / ((await spent()) - before) / 1e6 };
}

const read = (path) => createReadStream(path, { highWaterMark: 1024 * 1024 });

async function write(path, record, bytes) {
  const lines = Array.from({ length: 10_000 }, (_, n) => record(10_000_000 + n));
  const block = Buffer.from(lines.join(''));
  const file = await open(path, 'w');
  let blocks = 0;
  for (; blocks * block.length < bytes; blocks++) await file.write(block);
  await file.close();
  return { bytes: blocks * block.length, records: blocks * lines.length };
}
