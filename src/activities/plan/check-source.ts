/**
 * Runs a load's checks without the load: everything that can be known before a job exists, with all findings at once.
 */
import type { CheckFinding, CheckReport } from '../../contract/check-report.js';
import type { PlatformDetail } from '../../contract/load-result.js';
import { headerDetail } from '../../csv/shown-titles.js';
import { isHidden } from '../../preflight/header/findings.js';
import { NightloadError } from '../../errors.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ApiContext } from '../../salesforce/http/call-context.js';
import { dirname, join, uriOf } from '../../storage/locations.js';
import { makeFolder, removeFolder, removeIfEmpty } from '../../storage/files/file-tree.js';
import { saveText } from '../../storage/write-files.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf, permit, permitFixer } from '../dependencies.js';
import { openFiles } from '../source/join-files.js';
import { withoutCopy } from '../source/open-source.js';
import { fingerprintOf, holdingSource, sourceFiles } from '../../storage/source-files.js';
import type { SourceFiles } from '../../storage/source-files.js';
import { preflight } from './check-header.js';
import { writeBadRows } from './bad-rows.js';
import { checkLargeRecords } from './oversized-records.js';
import { rowsToSend } from './rows-to-send.js';
import { nothingToLoad } from './prepare-rows.js';
import type { CheckedSource, RowsToSend } from './rows-to-send.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import type { PlanLoadInput } from '../../protocol/activities/plan-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

const BATCH = 10_000;
/** Per part: create, upload, close, three results, and about as many polls as a job of half an hour takes. */
const REQUESTS_OF_A_PART = 6 + 10;

export function checkSource(
  dependencies: ActivityDependencies,
): (input: PlanLoadInput) => Promise<Counted<CheckReport>> {
  return runCountedActivity(async (input, step) => {
    const { source, object, operation } = input;
    const report: CheckReport = { ok: false, source, object, operation, errors: [], warnings: [] };
    const { roots } = dependencies;
    const files = await sourceFiles(roots, source);
    await permit(dependencies, input.connection, { ...input, sourcePath: files.location });
    const work = roots.ownPathOf(input.workUri);
    const details: PlatformDetail[] = [];
    try {
      permitFixer(dependencies, input.fixer);
      await fingerprintOf(files);
      const connection = connectionOf(dependencies, input.connection);
      const { maxUnpackedBytes } = dependencies;
      const how = { ...input, maxUnpackedBytes };
      await holdingSource(files, (held) =>
        check(connection, { source: held, work, input: how, details, step }, report),
      );
    } catch (error) {
      // Transient errors are retried; all others are the result of the check.
      if (!(error instanceof NightloadError) || error.retryable) throw error;
      const { code, message, detail } = error;
      report.errors.push({ code, message });
      if (detail !== undefined) details.push({ code, text: detail, at: new Date().toISOString() });
    } finally {
      if (details.length > 0) report.details = await saveDetails(work, details);
      if (report.rows?.file === undefined && report.details === undefined) {
        // Ignored if the folder is no longer the worker's own: the error is in the report, or the step is retried.
        await removeFolder(work).catch(() => undefined);
        // Only if it is empty: a load with the same id keeps its results there.
        await removeIfEmpty(dirname(work));
      }
    }
    return { ...report, ok: report.errors.length === 0 };
  });
}

/** Saves the details that the report leaves out, for people with access to the folder. */
async function saveDetails(work: string, details: readonly PlatformDetail[]): Promise<string> {
  const path = join(work, 'check-details.json');
  await makeFolder(work);
  await saveText(`${JSON.stringify(details, null, 2)}\n`, path);
  return uriOf(path);
}

interface Checking {
  source: SourceFiles;
  work: string;
  input: PlanLoadInput & { maxUnpackedBytes: number | undefined };
  step: ActivityRun;
  /** Receives what the report leaves out. */
  details: PlatformDetail[];
}

async function check(
  connection: SalesforceConnection,
  { source, work, input, step, details }: Checking,
  report: CheckReport,
): Promise<void> {
  await makeFolder(work);
  const opened = await openFiles(source, work, input, step);
  report.found = opened.found;
  const checked = await withoutCopy(opened.path, () => preflight(connection, input, opened.dialect.header, step));
  report.errors.push(...checked.errors);
  const { header } = opened.dialect;
  const hidden = [...checked.errors, ...checked.warnings].find(isHidden);
  if (hidden) details.push({ code: hidden.code, text: headerDetail(header), at: new Date().toISOString() });
  report.warnings.push(...checked.warnings);
  const checkedSource = { opened, checked, work, input, step };
  const rows = await rowsToSend(checkedSource);
  if (rows.rewritten !== undefined) report.found.rewritten = rows.rewritten;
  report.warnings.push(...rows.warnings);
  report.records = rows.plan.records;
  report.parts = rows.plan.parts.length;
  if (rows.plan.records === 0) throw nothingToLoad(rows);
  report.forecast = await forecast(connection, rows, { ...step.call, apiVersion: checked.apiVersion });
  report.warnings.push(...overLimits(report.forecast));
  // As in a load: with row checks, large records are found row by row.
  if (!input.checkRows && !input.skipBadRows) await checkLargeRecords(rows, checked.titles);
  // Rows of a file with wrong columns would only repeat those errors.
  else if (checked.errors.length === 0) await checkTheRows(checkedSource, rows, report);
}

async function checkTheRows(source: CheckedSource, rows: RowsToSend, report: CheckReport): Promise<void> {
  const { file, report: found } = await writeBadRows(source, rows);
  report.rows = {
    bad: found.badRows,
    byCode: found.byCode,
    findings: found.findings.map(({ row, code, column, message }) => ({
      row,
      code,
      message,
      ...defined({ column }),
    })),
    ...(found.badRows > 0 && { file: uriOf(join(file.path)) }),
  };
  if (found.badRows > 0) {
    // With skipBadRows these rows would be rejected and the others loaded.
    const where = source.input.skipBadRows ? report.warnings : report.errors;
    where.push({ code: 'ROWS_WOULD_FAIL', message: `${found.badRows} of ${found.rows} rows would fail.` });
  }
}

async function forecast(
  connection: SalesforceConnection,
  { plan }: RowsToSend,
  context: ApiContext,
): Promise<NonNullable<CheckReport['forecast']>> {
  const batches = plan.parts.reduce((sum, { records }) => sum + Math.ceil(records / BATCH), 0);
  const apiRequests = 2 + plan.parts.length * REQUESTS_OF_A_PART;
  // Many integration users may not read the limits.
  const limits = await connection.limits(context).catch(() => undefined);
  const left = (name: string): number | undefined => limits?.[name]?.remaining;
  const remaining = defined({ apiRequests: left('DailyApiRequests'), batches: left('DailyBulkApiBatches') });
  return { batches, apiRequests, ...(Object.keys(remaining).length > 0 && { remaining }) };
}

/**
 * Findings for limits that the org has too little left of now. Capacity returns within 24 hours; other programs use it
 * too.
 */
export function overLimits({ batches, apiRequests, remaining }: NonNullable<CheckReport['forecast']>): CheckFinding[] {
  const uses = [
    {
      ...{ name: 'API requests', needs: apiRequests, left: remaining?.apiRequests },
      advice: 'Larger parts (--part-size) need fewer.',
    },
    {
      ...{ name: 'batches', needs: batches, left: remaining?.batches },
      advice: 'The load waits for the rolling window.',
    },
  ];
  return uses.flatMap(({ name, needs, left, advice }) =>
    left === undefined || needs <= left
      ? []
      : [
          {
            code: 'FORECAST_OVER_LIMIT',
            message: `The load would use about ${needs} ${name}, but the org has ${left} left now. ${advice}`,
          },
        ],
  );
}
