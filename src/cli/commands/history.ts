/** `nightload history`: the last loads side by side, from the index in an output. It needs neither Temporal nor a worker. */
import { join as joinPath, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HistoryEntry } from '../../contract/load-history.js';
import { compared, MEASURES } from '../../domain/history/deviations.js';
import type { ComparedLoad, LoadGroup, Measure } from '../../domain/history/deviations.js';
import { measureText } from '../../domain/history/measure-text.js';
import { API_NAME } from '../../domain/name-and-number-limits.js';
import { INDEX_FOLDER } from '../../domain/result-layout.js';
import { plainText } from '../../domain/text/plain-text.js';
import { shown } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { nightsPage } from '../../pages/nights/nights-page.js';
import { fileModes } from '../../storage/files/file-modes.js';
import { ANYWHERE } from '../../storage/files/resolved-file.js';
import { newestEntries } from '../../storage/history-index.js';
import { join, pathOrUri, uriOf } from '../../storage/locations.js';
import { saveText } from '../../storage/write-files.js';
import { printJson, say } from '../shared/output.js';

export interface HistoryOptions {
  object?: string;
  schedule?: string;
  last: number;
  output?: string;
  html?: boolean;
  json?: boolean;
}

/** As many as are compared, even if fewer are shown. */
const COMPARED = 60;
const MAX_LAST = 1_000;
/** Files that are read to find them. */
const MAX_READ = 5_000;
const MAX_ID = 60;
/** Results lie here if nothing else is set; as for a worker. */
const DEFAULT_OUTPUT = 'nightload-results';
const PAGE = 'nights.html';

export async function history(options: HistoryOptions): Promise<number> {
  const { object, schedule, last } = checked(options);
  const output = await ANYWHERE.pathOf(outputOf(options.output, process.env, process.cwd()));
  const matches = (entry: HistoryEntry): boolean =>
    (object === undefined || entry.object.toLowerCase() === object.toLowerCase()) &&
    (schedule === undefined || entry.schedule === schedule);
  const { entries, unreadable, cut } = await newestEntries(output, {
    matches,
    most: Math.max(last, COMPARED),
    mostRead: MAX_READ,
  });
  const shownRuns = new Set(entries.slice(0, last));
  const groups = compared(entries)
    .map((group) => ({ ...group, loads: group.loads.filter(({ entry }) => shownRuns.has(entry)) }))
    .filter(({ loads }) => loads.length > 0);
  for (const group of groups) print(group);
  if (groups.length === 0) {
    const place = pathOrUri(uriOf(join(output, INDEX_FOLDER)));
    say(
      `No load ${(object ?? schedule) ? 'matches' : 'has ended'} in ${place}${cut ? ` among the newest ${MAX_READ}` : ''}.`,
    );
  }
  if (unreadable > 0) say(`${unreadable} files in the index are not readable and were left out.`);
  if (options.html === true) {
    fileModes(process.env['NIGHTLOAD_FILE_MODE']);
    const path = join(output, PAGE);
    await saveText(nightsPage(groups), path, { shared: true });
    say(`Page: ${pathOrUri(uriOf(path))}`);
  }
  if (options.json === true) printJson(groups.map((group) => ({ ...group, loads: group.loads.map(asJson) })));
  return 0;
}

/** The URI of the output of workers with the same environment, or the one that a person names. */
export function outputOf(named: string | undefined, env: NodeJS.ProcessEnv, workingDirectory: string): string {
  const [root = workingDirectory] = (env['NIGHTLOAD_FILE_ROOTS'] ?? '').split(':').filter((one) => one !== '');
  const place = named ?? (env['NIGHTLOAD_OUTPUT'] || joinPath(root, DEFAULT_OUTPUT));
  return /^[a-z][a-z0-9]+:/.test(place) ? place : pathToFileURL(resolve(workingDirectory, place)).href;
}

/** @throws NightloadError `INVALID_INPUT` */
function checked(options: HistoryOptions): HistoryOptions {
  const { object, last } = options;
  if (object !== undefined && !API_NAME.test(object)) {
    throw new NightloadError(
      'INVALID_INPUT',
      `--object is ${shown(object)}; it must be an sObject API name such as Account or Invoice__c.`,
    );
  }
  if (last < 1 || last > MAX_LAST) {
    throw new NightloadError('INVALID_INPUT', `--last is ${last}; it must be from 1 to ${MAX_LAST}.`);
  }
  return options;
}

const TITLES: Record<Measure, string> = {
  rows: 'rows',
  minutes: 'minutes',
  rejected: 'rejected',
  lockShare: 'locks',
  batches: 'batches',
  apiRequests: 'API',
};

function print({ schedule, connection, object, operation, loads, usual }: LoadGroup): void {
  const where = connection === 'default' ? '' : `, connection ${plainText(connection, MAX_ID)}`;
  const when = schedule === undefined ? '' : `, schedule ${plainText(schedule, MAX_ID)}`;
  say(`${operation} ${plainText(object, MAX_ID)}${when}${where}`);
  const lines = [
    ['ended (UTC)', 'state', ...MEASURES.map((measure) => TITLES[measure]), 'load'],
    ...loads.map((load) => cellsOf(load)),
    ...(usual === undefined
      ? []
      : [['usual', '', ...MEASURES.map((measure) => `${measureText(measure, usual[measure])}  `), '']]),
  ];
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const isNumber = (at: number): boolean => at >= 2 && at < 2 + MEASURES.length;
  for (const line of lines) {
    const cells = line.map((cell, at) =>
      isNumber(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    );
    say(`  ${cells.join('  ')}`.trimEnd());
  }
  say('');
}

function cellsOf(load: ComparedLoad): string[] {
  const { entry, deviates } = load;
  const { endedAt, state, loadId } = entry;
  const mark = (measure: Measure): string => ({ high: ' ↑', low: ' ↓', none: '  ' })[deviates[measure] ?? 'none'];
  return [
    endedAt.slice(0, 16).replace('T', ' '),
    state,
    ...MEASURES.map((measure) => `${measureText(measure, load[measure])}${mark(measure)}`),
    plainText(loadId, MAX_ID),
  ];
}

function asJson({ entry, minutes, lockShare, deviates }: ComparedLoad): unknown {
  return { ...entry, minutes, lockShare, deviates };
}
