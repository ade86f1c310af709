// How soon work continues after kill -9 of a worker, with another one on the same task queue and folder: loads of
// several parts in a simulated org with slow replies; a worker that works on one of them is killed at random moments.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { openTemporal } from '../clients/nightload.mjs';
import { remove } from '../data.mjs';
import { openNight, PARALLEL, PARTS } from '../recovery/night.mjs';
import { median, printTable, seconds } from '../table.mjs';

/** Several at a time, each with its own org and workers: the time is spent waiting. */
const NIGHTS = 3;
const KILLS = 30;
/** In so many of them, the worker has just taken a workflow task: at random, almost none would meet one. */
const IN_A_TASK = 1 / 6;

export async function recovery({ dist, work }) {
  const folder = `${work}recovery-${randomUUID().slice(0, 8)}/`;
  await mkdir(folder, { recursive: true });
  const temporal = await openTemporal(dist, work);
  const nights = [];
  try {
    for (let n = 1; n <= NIGHTS; n++) nights.push(await openNight({ dist, temporal, folder: `${folder}${n}/` }));
    const kills = (await Promise.all(nights.map(killed))).flat();
    const result = {
      kills: kills.length,
      loads: nights.reduce((sum, { loads }) => sum + loads, 0),
      secondsByKind: byKind(kills.flat()),
    };
    print(result);
    return result;
  } finally {
    for (const night of nights) await night.close();
    await temporal.stop();
    await remove(folder);
  }
}

async function killed(night) {
  const kills = [];
  for (let n = 0; n < KILLS / NIGHTS; n++) kills.push(await night.kill(Math.random() < IN_A_TASK));
  await night.endLoad();
  return kills;
}

function byKind(all) {
  const found = { all: [] };
  for (const { kind, seconds } of all) {
    found.all.push(seconds);
    (found[kind] ??= []).push(seconds);
  }
  return found;
}

function print({ kills, loads, secondsByKind }) {
  printTable(
    `After kill -9 of one of two workers: ${kills} times in ${loads} loads of ${PARTS} parts, ${PARALLEL} at a time`,
    ['interrupted', 'times', 'runs again after, median', 'worst'],
    Object.entries(secondsByKind).map(([kind, all]) => [
      kind,
      all.length,
      seconds(median(all)),
      seconds(Math.max(...all)),
    ]),
  );
}
