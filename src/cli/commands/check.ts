/** `nightload check`: everything that can be known before a job exists; loads nothing. */
import { randomUUID } from 'node:crypto';
import type { CheckFinding, CheckReport } from '../../contract/check-report.js';
import { checkReport } from '../../client/answers/worker-answers.js';
import { printJson, say } from '../shared/output.js';
import { toInput, withFiles } from '../shared/input/load-input.js';
import type { LoadOptions } from '../shared/input/load-options.js';
import { runOnWorker } from '../temporal/run-on-worker.js';
import { pathOrUri } from '../../storage/locations.js';

const MAX_ROWS = 20;
const number = new Intl.NumberFormat('en-US');
const DELIMITERS: Record<string, string> = {
  '\t': 'tab',
  ',': 'comma',
  ';': 'semicolon',
  '|': 'pipe',
  '^': 'caret',
  '`': 'backquote',
};

function counted(count: number, one: string, many = `${one}s`): string {
  return `${number.format(count)} ${count === 1 ? one : many}`;
}

/** Exit code 0 when a load would start, otherwise 1. */
export async function check(source: string, options: LoadOptions): Promise<number> {
  const id = randomUUID();
  const input = { ...toInput(source, await withFiles(options)), loadId: options.id ?? `check-${id.slice(0, 8)}` };
  const report = await runOnWorker('checkLoad', checkReport, {
    workflowId: `nightload-check/${id}`,
    args: [input],
    staticSummary: `check ${options.operation} ${options.object}`.slice(0, 190),
    workflowExecutionTimeout: '24h',
    timeout: options.timeout,
  });
  print(report);
  if (options.json === true) printJson(report);
  return report.ok ? 0 : 1;
}

function print(report: CheckReport): void {
  const { found, forecast, rows, records, parts } = report;
  say(`${report.operation} ${report.object}`);
  if (found !== undefined) {
    const mark = found.byteOrderMark ? ' with a byte order mark' : '';
    say(
      `  File       ${found.gzip ? 'gzip, ' : ''}${found.encoding}${mark}, ${DELIMITERS[found.delimiter] ?? found.delimiter}, ` +
        `${found.lineEnding}, ${counted(found.columns, 'column')}${found.rewritten === undefined ? '' : `; rewritten: ${found.rewritten}`}`,
    );
  }
  if (records !== undefined) say(`  Rows       ${number.format(records)} in ${counted(parts ?? 0, 'part')}`);
  if (forecast !== undefined) {
    const { batches, apiRequests, remaining } = forecast;
    const left = (count: number | undefined): string => (count === undefined ? '' : ` of ${number.format(count)} left`);
    say(
      `  Forecast   about ${counted(apiRequests, 'API request')}${left(remaining?.apiRequests)}, ${counted(batches, 'batch', 'batches')}${left(remaining?.batches)}`,
    );
  }
  printFindings('Errors', report.errors);
  printFindings('Warnings', report.warnings);
  if (rows !== undefined) {
    for (const { row, column, message } of rows.findings.slice(0, MAX_ROWS)) {
      say(`    row ${row}${column === undefined ? '' : `, ${column}`}: ${message}`);
    }
    if (rows.bad > MAX_ROWS) say(`    and ${number.format(rows.bad - MAX_ROWS)} more`);
    if (rows.file !== undefined) say(`  Bad rows   ${pathOrUri(rows.file)}`);
  }
  if (report.details !== undefined) say(`  Details, with values from the file: ${pathOrUri(report.details)}`);
  say('');
  say(report.ok ? 'A load would start.' : 'Nothing would be sent.');
}

function printFindings(title: string, findings: readonly CheckFinding[]): void {
  if (findings.length === 0) return;
  say(`  ${title}`);
  for (const { code, message } of findings) say(`    ${code}: ${message}`);
}
