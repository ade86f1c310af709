/** What a person does next, with the commands for it. */
import { printableJson } from '../../domain/text/plain-text.js';
import { shellWord } from '../../domain/text/shell-word.js';
import type { RowFix } from '../../contract/corrections.js';
import { reachableId } from '../../domain/load-ids.js';
import { rows } from '../../domain/text/format.js';
import { html } from '../html.js';
import type { Content } from '../html.js';
import { command, section } from '../layout.js';
import { withCode } from './rejected.js';
import type { ReportView } from './view.js';

/** A rule that is longer is left to the person. */
const MAX_RULES = 20;

export interface Step {
  /** With names between backticks. */
  text: string;
  /** To copy: a file, then a command. */
  file?: string;
  command?: string;
}

export function nextSteps(view: ReportView): Content {
  return section(
    'Next steps',
    html`<ol class="steps">
      ${stepsOf(view).map(
        ({ text, file, command: typed }) =>
          html`<li>
            ${withCode(text)}${file === undefined ? '' : command(file)}${typed === undefined ? '' : command(typed)}
          </li>`,
      )}
    </ol>`,
  );
}

export function stepsOf(view: ReportView): Step[] {
  const { result, places } = view;
  const { records, error, openJobs = [], balanced, object, workflowId } = result;
  const steps: Step[] = [];
  if (error !== undefined) steps.push({ text: 'Read the error at the top: it says what to change.' });
  if (!balanced && records.total > 0) {
    steps.push({
      text: 'The counts do not balance: compare the result files with the org before you load anything again.',
      command: 'nightload orphans',
    });
  }
  if (openJobs.length > 0)
    steps.push({ text: 'Check the open jobs under Warnings in Setup, and abort those of this load.' });
  if (records.rejected > 0 && places.rejected !== undefined) steps.push(...rejectedSteps(view, places.rejected));
  if (records.unprocessed > 0 && places.unprocessed !== undefined) {
    steps.push({
      text: `Load the ${rows(records.unprocessed)} that Salesforce did not process; nothing of them has landed.`,
      command: loadCommand(view, places.unprocessed),
    });
  }
  if (records.total === 0 && error !== undefined) {
    steps.push({ text: 'Check the corrected file without loading it, then load it.', command: checkCommand(view) });
  }
  if (steps.length === 0) steps.push({ text: 'Nothing to do. Compare with earlier nights:' });
  else steps.push({ text: 'See the counts again, or compare with earlier nights:' });
  const last = steps.at(-1) as Step;
  last.command = `nightload results ${shellWord(reachableId(workflowId))}\nnightload history --object ${shellWord(object)} --output ${shellWord(places.output)}`;
  return steps;
}

function rejectedSteps(view: ReportView, file: string): Step[] {
  const { records } = view.result;
  const rules = view.causes.flatMap(({ cause }) => cause.cure.rule ?? []).slice(0, MAX_RULES);
  const again: Step = {
    text: `Correct the ${rows(records.rejected)} in the rejected file as its column \`sf__Error\` says, then load it as it is: the \`sf__\` columns are left out.`,
    command: loadCommand(view, file),
  };
  if (rules.length === 0) return [again];
  const fixable = view.causes.reduce((sum, { cause: { cure } }) => sum + (cure.rule === undefined ? 0 : cure.rows), 0);
  const hasBlanks = rules.some(({ do: deed }) => deed === 'replace');
  return [
    {
      text: `Rules would change up to ${rows(fixable)}. Save those that you agree with as \`fixes.json\`${hasBlanks ? ', write the right value in place of each `NEW VALUE`,' : ''} and load the rejected file with them.`,
      file: rulesFile(rules),
      command: `${loadCommand(view, file)} --fixes fixes.json`,
    },
    ...(fixable < records.rejected
      ? [
          {
            text: 'Rows that no rule helps are then in the rejected file of that load: correct them as its column `sf__Error` says, and load that file.',
          },
        ]
      : []),
  ];
}

function rulesFile(rules: readonly RowFix[]): string {
  return `[\n${rules.map((rule) => `  ${printableJson(JSON.stringify(rule))}`).join(',\n')}\n]`;
}

function loadCommand(view: ReportView, file: string): string {
  return `nightload load ${shellWord(file)} \\\n  ${options(view)}`;
}

function checkCommand(view: ReportView): string {
  return `nightload check ${shellWord(view.source)} \\\n  ${options(view)}`;
}

function options({ result, connection, externalIdFieldName }: ReportView): string {
  const { object, operation } = result;
  return [
    `--object ${shellWord(object)} --operation ${operation}`,
    ...(externalIdFieldName === undefined ? [] : [`--external-id ${shellWord(externalIdFieldName)}`]),
    ...(connection === 'default' ? [] : [`--connection ${shellWord(connection)}`]),
  ].join(' ');
}
