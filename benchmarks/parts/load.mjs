// The same upsert by nightload, by curl and by two other clients, alternating: upload, wait, download, count.
import { mkdir } from 'node:fs/promises';
import * as curl from '../clients/curl.mjs';
import * as jsforce from '../clients/jsforce.mjs';
import * as simpleSalesforce from '../clients/simple-salesforce.mjs';
import { openTemporal, openWorker } from '../clients/nightload.mjs';
import { checkSpace, remove, SIZES, sizeOf, writeParts, writeRows } from '../data.mjs';
import { processorTime } from '../processes.mjs';
import { startStub } from '../stub/start.mjs';
import { megabytes, medians, printTable, seconds, times } from '../table.mjs';

const POLL_MS = 200;
const PARALLEL = 2;
const PEERS = [jsforce.parsed, jsforce.unparsed, simpleSalesforce];

export async function load({ dist, work, sizes, repeat, peers, quick }) {
  const result = {};
  for (const size of sizes.filter((name) => name !== '5GB' && name !== '100MB')) {
    // Long runs need fewer repetitions.
    const rounds = quick ? (SIZES[size] > 1_000_000 ? 2 : 3) : SIZES[size] > 1_000_000 ? Math.min(2, repeat) : repeat;
    result[size] = await compare({ dist, work, rows: SIZES[size], rounds, peers });
    print(size, result[size]);
  }
  return result;
}

async function compare({ dist, work, rows, rounds, peers }) {
  await checkSpace(work, rows);
  const folder = `${work}load/`;
  await mkdir(folder, { recursive: true });
  const source = `${folder}source.csv`;
  const bytes = await writeRows(source, 0, rows);
  const parts = await writeParts(folder, rows);
  const [stub, temporal] = [await startStub(), await openTemporal(dist, work)];
  const worker = await openWorker({ dist, temporal, url: stub.url, folder });
  const clients = [
    curl,
    {
      name: 'nightload',
      others: worker.processorTime,
      load: ({ source }) => worker.load({ source, pollMs: POLL_MS, parallel: PARALLEL }),
    },
    ...(peers ? PEERS : []),
  ];
  const versions = {};
  const runs = {};
  const told = {};
  try {
    for (const client of clients) {
      const place = `${work}peers/${client.folder ?? client.name}/`;
      await mkdir(place, { recursive: true });
      versions[client.name] = await client.version?.(place);
    }
    for (let round = 0; round < rounds; round++) {
      for (const client of clients) {
        const out = `${folder}out/`;
        await mkdir(out);
        const place = `${work}peers/${client.folder ?? client.name}/`;
        await stub.ask();
        const before = await spent(client);
        const run = await client.load({
          url: stub.url,
          place,
          source,
          parts,
          folder: out,
          pollMs: POLL_MS,
          parallel: PARALLEL,
        });
        const processor = (await spent(client)) - before;
        const { requests, cpuSeconds } = await stub.ask();
        if (run.rows !== rows) throw new Error(`${client.name} counted ${run.rows} rows of ${rows}`);
        await remove(out);
        if (run.results !== undefined) await remove(run.results);
        const sent = Object.values(requests).reduce((sum, count) => sum + count, 0);
        (runs[client.name] ??= []).push({ ...run, requests: sent, processor, stubProcessor: cpuSeconds });
        told[client.name] = requests;
      }
    }
  } finally {
    await worker.stop();
    await temporal.stop();
    await stub.stop();
    await remove(folder);
  }
  const middle = Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, medians(all)]));
  return { rows, bytes, sizeMB: sizeOf(rows) / 1e6, parts: parts.length, versions, middle, requests: told, runs };
}

/** Processor time of all children that have ended, and of those that a client keeps running. */
async function spent({ others = async () => 0 }) {
  return (await processorTime()).children + (await others());
}

function print(size, { rows, parts, versions, middle, runs }) {
  const base = middle.curl;
  printTable(
    `${size}: ${rows} rows, ${parts} ${parts === 1 ? 'job' : 'jobs'}; turns: ${runs.curl.length}, medians`,
    ['client', 'wall time', 'of curl', 'processor time', 'of curl', 'peak memory', 'requests'],
    Object.entries(middle).map(([name, run]) => [
      `${name} ${versions[name] ?? ''}`.trim(),
      seconds(run.command ?? run.seconds),
      times((run.command ?? run.seconds) / base.seconds),
      seconds(run.processor),
      times(run.processor / base.processor),
      megabytes(run.peakMB),
      run.requests,
    ]),
  );
  const { command, seconds: flow, moving, planning, upload, download, parentEvents } = middle.nightload;
  const ratios = runs.nightload.map((run, n) => run.moving / runs.curl[n].moving);
  printTable(
    `${size}: where nightload's time goes`,
    ['what', 'nightload', 'curl', 'ratio'],
    [
      ['upload, download and count together', seconds(moving), seconds(base.moving), times(moving / base.moving)],
      [
        '… lowest and highest ratio of a turn',
        '',
        '',
        `${times(Math.min(...ratios))} to ${times(Math.max(...ratios))}`,
      ],
      ['upload', seconds(upload), '', ''],
      ['download and count', seconds(download), '', ''],
      // Parallel parts transfer at the same time, so the sum of their times shows nothing about the rest.
      ...(parts > 1
        ? []
        : [
            ['everything else: the command', seconds(command - moving), seconds(base.seconds - base.moving), ''],
            ['… of which the workflow', seconds(flow - moving), '', ''],
          ]),
      ['planning (checks, record scan)', seconds(planning), '', ''],
    ],
  );
  const children = runs.nightload[0].childEvents;
  console.log(`\nHistory: ${parentEvents} events in the parent, ${Math.max(...children)} in a child.`);
}
