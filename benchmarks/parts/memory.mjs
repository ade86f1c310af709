// Peak memory of a fresh worker for one load of each size, from the kernel.
import { mkdir } from 'node:fs/promises';
import { openTemporal, openWorker } from '../clients/nightload.mjs';
import { checkSpace, remove, SIZES, writeRows } from '../data.mjs';
import { startStub } from '../stub/start.mjs';
import { megabytes, printTable, seconds } from '../table.mjs';

export async function memory({ dist, work, sizes }) {
  const result = {};
  const folder = `${work}memory/`;
  const [stub, temporal] = [await startStub(), await openTemporal(dist, work)];
  try {
    for (const size of sizes.filter((name) => name !== '95MB')) {
      await checkSpace(work, SIZES[size]);
      await mkdir(folder, { recursive: true });
      const source = `${folder}source.csv`;
      await writeRows(source, 0, SIZES[size]);
      const worker = await openWorker({ dist, temporal, url: stub.url, folder });
      const idle = await worker.memory();
      try {
        const { rows, peakMB, command, parentEvents, requests } = await worker.load({ source });
        if (rows !== SIZES[size]) throw new Error(`${rows} rows of ${SIZES[size]}`);
        result[size] = { rows, idleMB: idle, peakMB, seconds: command, parentEvents, requests };
        // The next size may take many minutes.
        console.log(`${size}: peak ${megabytes(peakMB)} after ${seconds(command)}`);
      } finally {
        await worker.stop();
        await remove(folder);
      }
    }
  } finally {
    await temporal.stop();
    await stub.stop();
    await remove(folder);
  }
  printTable(
    'Peak memory of the worker (VmHWM), a fresh one for each load',
    ['source', 'rows', 'idle', 'peak', 'wall time', 'requests', 'events in the parent'],
    Object.entries(result).map(([size, row]) => [
      size,
      row.rows,
      megabytes(row.idleMB),
      megabytes(row.peakMB),
      seconds(row.seconds),
      row.requests,
      row.parentEvents,
    ]),
  );
  return result;
}
