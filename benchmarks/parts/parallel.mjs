// 1 GB in ten jobs, one at a time and eight at a time: how much of the machine a load uses.
import { mkdir } from 'node:fs/promises';
import { openTemporal, openWorker } from '../clients/nightload.mjs';
import { checkSpace, remove, SIZES, writeRows } from '../data.mjs';
import { startStub } from '../stub/start.mjs';
import { median, printTable, seconds, times } from '../table.mjs';

const SIZE = '1GB';
const PARALLEL = [1, 8];

export async function parallel({ dist, work, repeat }) {
  const rows = SIZES[SIZE];
  await checkSpace(work, rows);
  const folder = `${work}parallel/`;
  await mkdir(folder, { recursive: true });
  const source = `${folder}source.csv`;
  await writeRows(source, 0, rows);
  const [stub, temporal] = [await startStub(), await openTemporal(dist, work)];
  const worker = await openWorker({ dist, temporal, url: stub.url, folder });
  const taken = Object.fromEntries(PARALLEL.map((many) => [many, []]));
  try {
    for (let n = 0; n < Math.min(3, repeat); n++) {
      for (const many of PARALLEL) {
        const run = await worker.load({ source, parallel: many });
        if (run.rows !== rows) throw new Error(`${run.rows} rows of ${rows}`);
        await remove(run.results);
        taken[many].push(run.seconds);
      }
    }
  } finally {
    await worker.stop();
    await temporal.stop();
    await stub.stop();
    await remove(folder);
  }
  const [one, eight] = PARALLEL.map((many) => median(taken[many]));
  printTable(
    `${SIZE} in ten jobs`,
    ['jobs at a time', 'workflow', 'speed'],
    [
      [PARALLEL[0], seconds(one), times(1)],
      [PARALLEL[1], seconds(eight), times(one / eight)],
    ],
  );
  return { one, eight, taken };
}
