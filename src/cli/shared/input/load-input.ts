/** Turns the options of `nightload load` into the input of a load. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { refuseLargeInput } from '../../../client/input-size.js';
import type { FixerActivity } from '../../../contract/corrections.js';
import type { BulkLoadInput } from '../../../contract/load-input.js';
import { defined } from '../../../domain/defined.js';
import { checkedAlias, connectionNameOf } from '../../../salesforce/auth/sf-alias.js';
import type { LoadOptions } from './load-options.js';

export const IS_URI = /^(?:file:|[a-z][a-z0-9+.-]*:\/\/)/i;

/**
 * Reads the files that options name. What reads them is imported only then.
 * @throws NightloadError `MAPPING_UNREADABLE`, `FIXES_UNREADABLE`, `INVALID_FIXES`
 */
export async function withFiles<O extends Pick<LoadOptions, 'fixes' | 'mapFile'>>(
  options: O,
): Promise<O & Pick<LoadOptions, 'fixRules' | 'mapping'>> {
  const { fixes, mapFile } = options;
  return {
    ...options,
    ...(fixes !== undefined && { fixRules: await (await import('./fixes-file.js')).fixesAt(fixes) }),
    ...(mapFile !== undefined && { mapping: (await import('./mapping-file.js')).readMapping(resolve(mapFile)) }),
  };
}

/**
 * Relative paths are resolved by the CLI.
 * @param options with their files, see {@link withFiles}
 * @throws NightloadError `INVALID_INPUT`, `INPUT_TOO_LARGE`
 */
export function toInput(source: string, options: LoadOptions): BulkLoadInput {
  const uri = (path: string): string => (IS_URI.test(path) ? path : pathToFileURL(resolve(path)).href);
  const part = defined({ maxBytes: options.partSize, maxConcurrent: options.parallel });
  const poll = defined({
    initialInterval: options.pollInitial,
    maximumInterval: options.pollMax,
    settleInterval: options.pollSettle,
  });
  const retry = defined({
    maxRounds: options.retryRounds,
    initialWait: options.retryWait,
    fixes: options.fixRules,
    fixer: options.fixer === undefined ? undefined : parseFixer(options.fixer),
    holdFor: options.holdFor,
  });
  const abortWhen = defined({ failedRatio: options.abortWhenFailed });
  const { mapping } = options;
  const own = new Set(Object.keys(options.map ?? {}).map((title) => title.toLowerCase()));
  // --map takes precedence over the file, in any letter case.
  const fromFile = Object.entries(mapping?.columns ?? {}).filter(([title]) => !own.has(title.toLowerCase()));
  const columns = { ...Object.fromEntries(fromFile), ...options.map };
  const constants = { ...mapping?.constants, ...options.set };
  const some = <T extends object>(value: T): T | undefined => (Object.keys(value).length > 0 ? value : undefined);
  const input: BulkLoadInput = {
    source: uri(source),
    object: options.object,
    operation: options.operation,
    ...defined({
      externalIdFieldName: options.externalId,
      loadId: options.id,
      connection: options.fromSf === undefined ? options.connection : connectionNameOf(checkedAlias(options.fromSf)),
      columns: some(columns),
      columnsIfPresent: some(mapping?.columnsIfPresent ?? {}),
      constants: some(constants),
      mapLabels: options.mapLabels,
      checkRows: options.checkRows,
      skipBadRows: options.skipBadRows,
      blankAsNull: options.insertNulls,
      part: some(part),
      poll: some(poll),
      retry: some(retry),
      keepColumns: options.keepColumns,
      defuse: options.defuse,
      jobTimeout: options.jobTimeout,
      outageLimit: options.outageLimit,
      abortWhen: some(abortWhen),
      priority: options.priority,
      delimiter: options.delimiter,
      lineEnding: options.lineEnding,
      encoding: options.encoding,
      timeZone: options.timeZone,
      finishBy: options.finishBy,
      whenLate: options.whenLate,
      output: options.output === undefined ? undefined : uri(options.output),
      heartbeatUrl: options.heartbeatUrl,
    }),
  };
  refuseLargeInput(input);
  return input;
}

/** `correctAccounts@my-queue`: the queue follows the last `@`. */
function parseFixer(text: string): FixerActivity {
  const at = text.lastIndexOf('@');
  return { activity: text.slice(0, Math.max(0, at)), taskQueue: text.slice(at + 1) };
}
