// What Temporal and its SDK take for the same steps with nothing in them: nobody's load can be faster on this machine.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openTemporal, openWorker } from '../clients/nightload.mjs';
import { remove, writeRows } from '../data.mjs';
import { processorTime, run, start } from '../processes.mjs';
import { ROW_BYTES } from '../rows.mjs';
import { startStub } from '../stub/start.mjs';
import { median, printTable, seconds, times } from '../table.mjs';

/** Parts, and how many at a time. */
const SHAPES = [
  [1, 1],
  [10, 2],
];
/** Large enough for a part to report that its rows have landed. */
const PART_BYTES = 1e6;

const program = (name) => fileURLToPath(new URL(`../empty/${name}`, import.meta.url));

export async function empty({ dist, work, repeat }) {
  const folder = `${work}empty/`;
  await mkdir(folder, { recursive: true });
  const [stub, temporal] = [await startStub(), await openTemporal(dist, work)];
  const env = { ...process.env, TEMPORAL_ADDRESS: temporal.server.address };
  const bare = await start(process.execPath, [program('worker.mjs')], /ready/, { env });
  const worker = await openWorker({ dist, temporal, url: stub.url, folder });
  const taken = SHAPES.map(() => ({ bare: [], bareCpu: [], own: [], ownCpu: [] }));
  const measured = async (pid, what) => {
    const before = [await processorTime(pid), await processorTime()];
    const wall = await what();
    const after = [await processorTime(pid), await processorTime()];
    return { wall, cpu: after[0].own - before[0].own + after[1].children - before[1].children };
  };
  try {
    // The first turn is not counted: both workers load and compile their code.
    for (let n = 0; n <= repeat; n++) {
      for (const [at, [parts, parallel]] of SHAPES.entries()) {
        const source = `${folder}source.csv`;
        await writeRows(source, 0, Math.floor(((parts - 0.5) * PART_BYTES) / ROW_BYTES));
        const args = [program('start.mjs'), `empty-${randomUUID().slice(0, 8)}`, String(parts), String(parallel)];
        const without = await measured(bare.pid, async () => (await run(process.execPath, args, { env })).seconds);
        const own = await measured(worker.pid, async () => {
          const ended = await worker.load({ source, parallel, partSize: `${PART_BYTES / 1e6}MB` });
          if (ended.polls.length !== parts) throw new Error(`${ended.polls.length} parts`);
          await remove(ended.results);
          return ended.command;
        });
        await remove(source);
        if (n === 0) continue;
        taken[at].bare.push(without.wall);
        taken[at].bareCpu.push(without.cpu);
        taken[at].own.push(own.wall);
        taken[at].ownCpu.push(own.cpu);
      }
    }
  } finally {
    await worker.stop();
    await bare.stop();
    await temporal.stop();
    await stub.stop();
    await remove(folder);
  }
  const rows = taken.map(({ bare: without, bareCpu, own, ownCpu }, at) => {
    const [parts, parallel] = SHAPES[at];
    const [a, b, c, d] = [without, own, bareCpu, ownCpu].map(median);
    return [`${parts}, ${parallel} at a time`, seconds(a), seconds(b), times(b / a), seconds(c), seconds(d)];
  });
  printTable(
    'The same steps with nothing in them, command included',
    ['parts of 1 MB', 'empty', 'nightload', 'of empty', 'processor time, empty', 'nightload'],
    rows,
  );
  return { taken };
}
