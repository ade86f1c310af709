/** `nightload org capture`: a folder that describes an org, for `simulator`, `dev` and `rehearse`. */
import { resolve } from 'node:path';
import { Capture, firstRequests } from '../../capture/capture.js';
import type { CaptureCost, CaptureSummary } from '../../capture/capture.js';
import { CaptureFolder } from '../../capture/capture-folder.js';
import { API_NAME } from '../../domain/name-and-number-limits.js';
import { count } from '../../domain/text/format.js';
import { NightloadError } from '../../errors.js';
import { refuseByName } from '../../salesforce/config/allow-list.js';
import { openConnection } from '../../salesforce/config/open-connection.js';
import { confirmed } from '../shared/confirm.js';
import { chosenConnection } from '../shared/input/chosen-connections.js';
import { INTERRUPTED } from '../shared/exit-codes.js';
import { printJson, say } from '../shared/output.js';

export interface CaptureOptions {
  connection: string;
  fromSf?: string;
  object: string[];
  out: string;
  parents: boolean;
  pastJobs: number;
  countErrors?: boolean;
  yes?: boolean;
  json?: boolean;
}

export async function capture(options: CaptureOptions): Promise<number> {
  const { object: objects, parents, pastJobs, countErrors = false, yes, json } = options;
  for (const name of objects) refuseStrangeName(name);
  const { name, settings } = chosenConnection(
    options.fromSf === undefined ? options.connection : undefined,
    options.fromSf,
  );
  for (const object of objects) refuseByName(name, settings.allow, { object });
  const mayRead = (object: string): boolean => isAllowed(() => refuseByName(name, settings.allow, { object }));
  const folder = await CaptureFolder.open(resolve(options.out));
  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Interrupted());
  process.once('SIGINT', interrupt);
  const connection = openConnection(settings);
  try {
    const run = new Capture(
      { connection, folder, objects, mayRead, withParents: parents, pastJobs, withErrors: countErrors },
      { signal: stop.signal },
    );
    if (folder.progress !== undefined) say(`Continuing the capture of ${folder.progress.startedAt} in ${folder.path}.`);
    say(`Reads only. About ${firstRequests(objects.length)} API requests to find out what there is.`);
    const cost = await run.plan();
    sayCost(cost);
    if (!(await confirmed(`Read the rest (API requests: ${count(cost.left)})?`, yes))) {
      say('Nothing was written.');
      return 1;
    }
    const summary = await run.run((object) => say(`  ${object}`));
    saySummary(folder.path, summary);
    if (json === true) printJson({ folder: folder.path, ...summary });
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) {
      if (folder.progress !== undefined) say('What is complete is kept: the same command continues.');
      throw error;
    }
    say('Stopped. What is complete is kept: the same command continues.');
    return INTERRUPTED;
  } finally {
    process.off('SIGINT', interrupt);
    await connection.destroy().catch(() => undefined);
  }
}

class Interrupted extends Error {}

function refuseStrangeName(name: string): void {
  if (API_NAME.test(name)) return;
  throw new NightloadError(
    'USAGE',
    `--object ${JSON.stringify(name)}: give the API name of an object, such as Invoice__c.`,
  );
}

function isAllowed(refuse: () => void): boolean {
  try {
    refuse();
    return true;
  } catch {
    return false;
  }
}

function sayCost(cost: CaptureCost): void {
  const { used, left, available, kept } = cost;
  const parts = [
    [cost.parents, 'parent'],
    [cost.recordTypes, 'record type'],
    [cost.validationRules, 'validation rule'],
    [cost.pastJobs, 'past job'],
  ] as const;
  const words = parts.filter(([n]) => n > 0).map(([n, word]) => `${count(n)} ${word}${n === 1 ? '' : 's'}`);
  const of = available === undefined ? '' : `; the org has ${count(available)} left today`;
  say(
    `Used ${count(used)} API requests. The rest takes ${cost.isAtMost ? 'at most ' : ''}${count(left)}${words.length > 0 ? `: ${words.join(', ')}` : ''}${of}.`,
  );
  if (kept > 0) say(`${count(kept)} objects are kept from before.`);
}

function saySummary(path: string, { objects, parents, requests, missing }: CaptureSummary): void {
  say(
    `Captured ${objects.join(', ')} and ${count(parents.length)} ${parents.length === 1 ? 'parent' : 'parents'} in ${path}, with ${count(requests)} API requests.`,
  );
  if (missing.length > 0) say('Not captured:');
  for (const { part, note } of missing) say(`  ${part}: ${note}`);
}
