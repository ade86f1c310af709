/** Matches the columns of a corrected file to those of the load. */
import type { OpenSource } from '../source/open-source.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { shownNames } from '../stage/stage-plan.js';
import { isNoteColumn } from '../../rows/column-mapping.js';
import { isNameless } from '../../csv/dialect.js';
import { titlesOf } from '../../csv/shown-titles.js';
import { refused } from './refuse-corrections.js';

const MAX_COLUMNS = 20;

/** The load's columns in its order, as found in the corrected file. */
export function columnsOf({ dialect }: OpenSource, plan: StagePlan): { index: number; name: string }[] {
  const titles = dialect.header.map((title) => title.trim().toLowerCase());
  const shown = shownNames(plan);
  const known = new Set(shown.map((name) => name.toLowerCase()));
  const isKnown = (title: string): boolean => isNoteColumn(title) || isNameless(title) || known.has(title);
  const unknown = dialect.header.filter((_, i) => !isKnown(titles[i] ?? ''));
  if (unknown.length > 0) {
    // The first line of a file without a header is a data row.
    const known = titlesOf(dialect.header, (title) => isKnown(title.trim().toLowerCase()));
    const places = dialect.header.flatMap((title, i) =>
      isKnown(titles[i] ?? '') ? [] : [known.shows(title) ? title : `column ${i + 1}`],
    );
    throw refused(
      `The corrected file has columns that the load does not have: ${listOf(places)}. The load has: ${listOf(shown)}.` +
        (known.isHeader ? '' : ' Check whether its first line is a header.'),
    );
  }
  return plan.names.map((name) => {
    const index = titles.indexOf(name.toLowerCase());
    if (index === -1)
      throw refused(
        `The corrected file has no column ${name}. It needs all columns of the rejected file; sf__Id and sf__Error may be missing.`,
      );
    if (titles.includes(name.toLowerCase(), index + 1))
      throw refused(`The corrected file has the column ${name} twice.`);
    return { index, name };
  });
}

function listOf(names: readonly string[]): string {
  const more = names.length - MAX_COLUMNS;
  return `${names.slice(0, MAX_COLUMNS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
