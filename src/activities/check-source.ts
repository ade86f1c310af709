/** The checks of a load without the load: everything that can be known before a job exists, all findings at once. */
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CheckFinding, CheckReport, PlatformDetail } from '../contract.js';
import { headerDetail } from '../csv/titles.js';
import { isHidden } from '../preflight/findings.js';
import { NightloadError } from '../errors.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { ApiContext } from '../salesforce/context.js';
import { fingerprint, holding, makeFolder, removeFolder, removeIfEmpty, saveText } from '../storage/files.js';
import type { ForeignFile } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf, permit, permitFixer } from './dependencies.js';
import { openSource, withoutCopy } from './open-source.js';
import type { OpenSource } from './open-source.js';
import { preflight } from './preflight.js';
import type { Preflight } from './preflight.js';
import { checkLargeRecords, nothingToLoad, rowsToSend, writeBadRows } from './prepare-rows.js';
import type { RowsToSend } from './prepare-rows.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, PlanLoadInput } from './types.js';

const BATCH = 10_000;
/** Of each part: create, upload, close, three results; and about as many polls as a job of half an hour takes. */
const REQUESTS_OF_A_PART = 6 + 10;

export function checkSource(
  dependencies: ActivityDependencies,
): (input: PlanLoadInput) => Promise<Counted<CheckReport>> {
  return countedStep(async (input, step) => {
    const { source, object, operation } = input;
    const report: CheckReport = { ok: false, source, object, operation, errors: [], warnings: [] };
    const { roots } = dependencies;
    const file = await roots.foreignFile(source);
    await permit(dependencies, input.connection, { ...input, sourcePath: file.path });
    const work = roots.ownPathOf(input.workUri);
    const details: PlatformDetail[] = [];
    try {
      permitFixer(dependencies, input.fixer);
      await fingerprint(file);
      const connection = connectionOf(dependencies, input.connection);
      const how = { ...input, maxUnpackedBytes: dependencies.maxUnpackedBytes };
      await holding(file, (held) => check(connection, { source: held, work, details }, how, report, step));
    } catch (error) {
      // What passes by itself is tried again; everything else is what the check was asked for.
      if (!(error instanceof NightloadError) || error.retryable) throw error;
      const { code, message, detail } = error;
      report.errors.push({ code, message });
      if (detail !== undefined) details.push({ code, text: detail, at: new Date().toISOString() });
    } finally {
      if (details.length > 0) report.details = await saveDetails(work, details);
      if (report.rows?.file === undefined && report.details === undefined) {
        await removeFolder(work);
        // Only when it is empty: a load of the same id keeps its results there.
        await removeIfEmpty(dirname(work));
      }
    }
    return { ...report, ok: report.errors.length === 0 };
  });
}

/** What the report leaves out, for whoever may read the folder. */
async function saveDetails(work: string, details: readonly PlatformDetail[]): Promise<string> {
  const path = join(work, 'check-details.json');
  await makeFolder(work);
  await saveText(`${JSON.stringify(details, null, 2)}\n`, path);
  return pathToFileURL(path).href;
}

interface CheckPaths {
  source: ForeignFile;
  work: string;
  details: PlatformDetail[];
}

async function check(
  connection: SalesforceConnection,
  { source, work, details }: CheckPaths,
  input: PlanLoadInput & { maxUnpackedBytes: number | undefined },
  report: CheckReport,
  step: Step,
): Promise<void> {
  await makeFolder(work);
  const opened = await openSource(source, work, input, step);
  report.found = opened.found;
  const checked = await withoutCopy(opened.path, () => preflight(connection, input, opened.dialect.header, step));
  report.errors.push(...checked.errors);
  const { header } = opened.dialect;
  const hidden = [...checked.errors, ...checked.warnings].find(isHidden);
  if (hidden) details.push({ code: hidden.code, text: headerDetail(header), at: new Date().toISOString() });
  report.warnings.push(...checked.warnings);
  const rows = await rowsToSend(opened, checked, work, input, step);
  if (rows.rewritten !== undefined) report.found.rewritten = rows.rewritten;
  report.warnings.push(...rows.warnings);
  report.records = rows.plan.records;
  report.parts = rows.plan.parts.length;
  if (rows.plan.records === 0) throw nothingToLoad(rows);
  report.forecast = await forecast(connection, rows, { ...step.call, apiVersion: checked.apiVersion });
  report.warnings.push(...overLimits(report.forecast));
  // As a load does it: rows that are looked at one by one are found too large one by one.
  if (!input.checkRows && !input.skipBadRows) await checkLargeRecords(rows, checked.titles);
  // Rules for columns that are wrong themselves would only repeat that.
  else if (checked.errors.length === 0) await checkTheRows(opened, rows, checked, work, input, report, step);
}

async function checkTheRows(
  opened: OpenSource,
  rows: RowsToSend,
  checked: Preflight,
  work: string,
  input: PlanLoadInput,
  report: CheckReport,
  step: Step,
): Promise<void> {
  const { file, report: found } = await writeBadRows(opened, rows, checked, work, input, step);
  report.rows = {
    bad: found.badRows,
    byCode: found.byCode,
    findings: found.findings.map(({ row, code, column, message }) => ({
      row,
      code,
      message,
      ...(column !== undefined && { column }),
    })),
    ...(found.badRows > 0 && { file: pathToFileURL(join(file.path)).href }),
  };
  if (found.badRows > 0) {
    // With skipBadRows they would be rejected, and the others loaded.
    const where = input.skipBadRows ? report.warnings : report.errors;
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
  // Many integration users may not see the limits.
  const limits = await connection.limits(context).catch(() => undefined);
  const left = (name: string): number | undefined => limits?.[name]?.remaining;
  const remaining = {
    ...(left('DailyApiRequests') !== undefined && { apiRequests: left('DailyApiRequests') as number }),
    ...(left('DailyBulkApiBatches') !== undefined && { batches: left('DailyBulkApiBatches') as number }),
  };
  return { batches, apiRequests, ...(Object.keys(remaining).length > 0 && { remaining }) };
}

/** What the org has not left now; it comes back within 24 hours, and other programs use of it too. */
export function overLimits({ batches, apiRequests, remaining }: NonNullable<CheckReport['forecast']>): CheckFinding[] {
  const uses = [
    {
      ...{ name: 'API requests', needs: apiRequests, left: remaining?.apiRequests },
      advice: 'Larger parts (--part-size) take fewer.',
    },
    {
      ...{ name: 'batches', needs: batches, left: remaining?.batches },
      advice: 'The load waits until the window has moved.',
    },
  ];
  return uses.flatMap(({ name, needs, left, advice }) =>
    left === undefined || needs <= left
      ? []
      : [
          {
            code: 'FORECAST_OVER_LIMIT',
            message: `The load would take about ${needs} ${name}, and the org has ${left} left now. ${advice}`,
          },
        ],
  );
}
