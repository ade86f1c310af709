// The cost of a part in addition to its bytes: a small file in one part and in many, and a job that is polled often.
import { mkdir } from 'node:fs/promises';
import { openTemporal, openWorker } from '../clients/nightload.mjs';
import { remove, writeRows } from '../data.mjs';
import { ROW_BYTES } from '../rows.mjs';
import { startStub } from '../stub/start.mjs';
import { median, printTable, seconds } from '../table.mjs';

const PARTS = 21;
const PART_MB = 1;
const ROWS = Math.floor(((PARTS - 0.5) * PART_MB * 1e6) / ROW_BYTES);
/** Long enough to be polled several times with intervals that grow from 200 ms. */
const LONG_JOB_MS = 6_000;
/** Polls of a 30-minute job: see the polling part. */
const LOOKS_OF_HALF_AN_HOUR = 15;

export async function overhead({ dist, work, repeat }) {
  const folder = `${work}overhead/`;
  await mkdir(folder, { recursive: true });
  const source = `${folder}source.csv`;
  await writeRows(source, 0, ROWS);
  const [stub, temporal] = [await startStub(), await openTemporal(dist, work)];
  const worker = await openWorker({ dist, temporal, url: stub.url, folder });
  const load = async (options) => {
    const run = await worker.load({ source, ...options });
    if (run.rows !== ROWS) throw new Error(`${run.rows} rows of ${ROWS}`);
    await remove(run.results);
    return run;
  };
  const perPart = { 1: [], 2: [] };
  let events = 0;
  let polled;
  let once;
  try {
    await load({});
    for (let n = 0; n < repeat; n++) {
      once = await load({});
      for (const parallel of [1, 2]) {
        const many = await load({ parallel, partSize: `${PART_MB}MB` });
        if (many.polls.length !== PARTS) throw new Error(`${many.polls.length} parts`);
        perPart[parallel].push((many.seconds - once.seconds) / (PARTS - 1));
        events = (many.parentEvents - once.parentEvents) / (PARTS - 1);
      }
    }
    await stub.ask({ processMs: LONG_JOB_MS });
    polled = await load({});
  } finally {
    await worker.stop();
    await temporal.stop();
    await stub.stop();
    await remove(folder);
  }
  const eventsPerPoll = (polled.childEvents[0] - once.childEvents[0]) / (polled.polls[0] - once.polls[0]);
  const halfAnHour = once.childEvents[0] + (LOOKS_OF_HALF_AN_HOUR - once.polls[0]) * eventsPerPoll;
  const result = {
    secondsPerFurtherPart: { serial: median(perPart[1]), twoAtATime: median(perPart[2]) },
    parentEventsPerPart: events,
    parentEventsOfOnePart: once.parentEvents,
    childEvents: once.childEvents[0],
    eventsPerPoll,
    halfAnHour: { parent: once.parentEvents, child: halfAnHour },
  };
  printTable(
    `Each further part (${PARTS - 1} of ${PART_MB} MB, --poll-initial 200ms)`,
    ['what', 'measured'],
    [
      ['time of a further part, one at a time', seconds(result.secondsPerFurtherPart.serial)],
      ['time of a further part, two at a time', seconds(result.secondsPerFurtherPart.twoAtATime)],
      ['events in the parent for each further part', events],
      ['events of a load with one part, parent', once.parentEvents],
      ['events of its child, polled once', once.childEvents[0]],
      ['events for each further poll', eventsPerPoll],
      [`events of a child polled ${LOOKS_OF_HALF_AN_HOUR} times (30 minutes), from these`, halfAnHour],
    ],
  );
  return result;
}
