/**
 * Reads a notify file (`NIGHTLOAD_NOTIFY`): where messages about loads go. Values may be references, so that the file
 * itself contains no secret. A worker with a file that cannot work does not start.
 */
import { resolve } from 'node:path';
import { NightloadError } from '../errors.js';
import { didYouMean } from '../domain/text/nearest-name.js';
import { durationTrouble, toMs } from '../domain/input/durations.js';
import { placeOf } from '../domain/text/key-place.js';
import { secretsMode } from '../runtime/private-file.js';
import type { SecretsMode } from '../runtime/private-file.js';
import { readPrivateJson } from '../runtime/private-json.js';
import { webAddressOf } from './addresses.js';
import { REFERENCE, ReferenceValues } from '../runtime/reference-values.js';
import type { ReferenceScope } from '../runtime/reference-values.js';
import { parseNotifyFile } from './notify-schema.js';
import type { RuleEntry } from './notify-schema.js';
import { waitOf } from './rules.js';
import { MAX_NOTIFY_WAITS } from '../domain/name-and-number-limits.js';
import type { Heartbeat, NotifyRule, NotifySettings, Target } from './settings.js';
import { TargetReader } from './target-reader.js';

type Environment = Readonly<Record<string, string | undefined>>;

const DAY_MS = 86_400_000;
const WAIT_LIMITS = { least: 1_000, most: 30 * DAY_MS };

/**
 * @param only of this target or heartbeat alone, without rules: the references of others may be empty here
 * @throws NightloadError `NOTIFY_FILE_UNREADABLE`, `NOTIFY_FILE_INVALID`, `NOTIFY_REFERENCE_EMPTY`,
 *   `NOTIFY_TARGET_UNKNOWN`, `SECRETS_READABLE`, `INSECURE_URL`
 */
export function readNotifyFile(given: string, env: Environment, only?: string): NotifySettings {
  const path = resolve(given);
  const mode = secretsMode(env);
  const parsed = parseNotifyFile(content(path, mode));
  if ('troubles' in parsed) throw invalid(path, parsed.troubles);
  const scope: ReferenceScope = {
    path,
    env,
    mode,
    variables: new Set(),
    warnings: [],
    emptyCode: 'NOTIFY_REFERENCE_EMPTY',
    placeOf: (key) => placeOf(key.split('/')),
  };
  const values = new ReferenceValues(scope);
  const reader = new TargetReader(values, (trouble) => invalid(path, [trouble]));
  const targets = new Map<string, Target>(
    wanted(parsed.targets, only).map(([name, entry]) => [name, reader.target(name, entry)]),
  );
  const heartbeats = new Map(
    wanted(parsed.heartbeats ?? {}, only).map(([name, value]) => [name, heartbeatOf(name, value, values)]),
  );
  const read = { targets, heartbeats, secretFiles: [path, ...values.secretFiles], warnings: scope.warnings };
  if (only !== undefined) {
    if (targets.size + heartbeats.size > 0) return { ...read, rules: [] };
    throw unknownTarget('The command', only, Object.keys(parsed.targets));
  }
  const rules = parsed.rules.map((entry, i) => ruleOf(entry, `rules/${i}`, values, path));
  for (const [i, { to }] of rules.entries()) {
    for (const name of to)
      if (!targets.has(name)) throw unknownTarget(`${path}: rules.${i}.to`, name, [...targets.keys()]);
  }
  refuseTooManyWaits(path, rules);
  return { ...read, rules };
}

function wanted<T>(entries: Readonly<Record<string, T>>, only: string | undefined): [string, T][] {
  return Object.entries(entries).filter(([name]) => only === undefined || name === only);
}

function heartbeatOf(name: string, value: string, values: ReferenceValues): Heartbeat {
  const place = `heartbeats/${name}`;
  // Anyone who knows the address may ping it, so it is a secret.
  const url = values.secret(place, value);
  webAddressOf(url, values.placeInFile(place));
  return { url, ...(REFERENCE.test(value) && { reference: value }) };
}

/** @param place where the name was used */
function unknownTarget(place: string, name: string, known: readonly string[]): NightloadError {
  // The beginning of a misplaced secret would be enough.
  const shown = /^[A-Za-z0-9._-]{1,100}$/.test(name) ? `"${name}"` : 'a target';
  return new NightloadError(
    'NOTIFY_TARGET_UNKNOWN',
    `${place} names ${shown}, which is not among the targets: ${known.slice(0, 50).join(', ') || 'there are none'}.${didYouMean(name.slice(0, 100), known)} ` +
      'Correct the name, or add the target.',
  );
}

function ruleOf(entry: RuleEntry, place: string, values: ReferenceValues, path: string): NotifyRule {
  const list = (key: 'to' | 'objects' | 'connections' | 'schedules' | 'ids'): string[] | undefined =>
    entry[key]?.map((value, i) => values.text(`${place}/${key}/${i}`, value));
  const filters = Object.fromEntries(
    (['objects', 'connections', 'schedules', 'ids'] as const).flatMap((key) => {
      const found = list(key);
      return found === undefined ? [] : [[key, found]];
    }),
  );
  const wait = values.optional(`${place}/waitingLonger`, entry.waitingLonger);
  const trouble = wait === undefined ? undefined : durationTrouble(wait, WAIT_LIMITS);
  if (trouble !== undefined) throw invalid(path, [`${values.place(`${place}/waitingLonger`)}: ${trouble}.`]);
  return {
    when: entry.when,
    to: list('to') ?? [],
    ...filters,
    ...(entry.rejectedAtLeast !== undefined && { rejectedAtLeast: entry.rejectedAtLeast }),
    ...(wait !== undefined && { waitingLonger: toMs(wait) }),
  };
}

/** A workflow wakes at each of them. */
function refuseTooManyWaits(path: string, rules: readonly NotifyRule[]): void {
  const waits = new Set(rules.filter(({ when }) => when.includes('waiting')).map(waitOf));
  if (waits.size <= MAX_NOTIFY_WAITS) return;
  throw invalid(path, [
    `The rules have ${waits.size} different values of waitingLonger; use at most ${MAX_NOTIFY_WAITS}.`,
  ]);
}

function content(path: string, mode: SecretsMode): unknown {
  return readPrivateJson(path, mode, {
    invalid: (trouble) => invalid(path, [trouble]),
    unreadable: (code, cause) =>
      new NightloadError(
        'NOTIFY_FILE_UNREADABLE',
        `The notify file ${path} cannot be read (${code}). Correct NIGHTLOAD_NOTIFY, or let the worker's user read the file.`,
        { cause },
      ),
  });
}

function invalid(path: string, troubles: readonly string[]): NightloadError {
  return new NightloadError(
    'NOTIFY_FILE_INVALID',
    troubles.length === 1 ? `${path}: ${troubles[0]}` : `${path}:\n  ${troubles.join('\n  ')}`,
  );
}
