/** Finds the name that was most likely meant: first by letters alone, then by the fewest differences. */

export interface Nameable {
  name: string;
  label: string;
  /** As in describe; a lookup is also known without its final `Id`. */
  type?: string;
}

export interface Candidate {
  name: string;
  /** Possible forms of its name, letters and digits only. */
  forms: readonly string[];
}

/** Letters and digits: people vary blanks, underscores and capitals, and some letters have wide or narrow forms. */
function squash(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** Without a final `__c` or `__r`, which people forget or mix up. */
function bare(name: string): string {
  return name.replace(/__[cr]$/i, '');
}

/** Computed once, because a header may be wrong in thousands of columns. */
export function candidatesOf(things: readonly Nameable[]): Candidate[] {
  return things.map((thing) => ({ name: thing.name, forms: formsOf(thing) }));
}

function formsOf({ name, label, type }: Nameable): string[] {
  const own = squash(bare(name));
  // A managed package's fields are `package__Field__c`.
  const withoutPackage = squash(bare(name).replace(/^[a-z0-9]+(?:_[a-z0-9]+)*__/i, ''));
  const lookup = type === 'reference' ? own.replace(/id$/, '') : own;
  return [own, withoutPackage, lookup, squash(label)].filter((form) => form !== '');
}

/** Short names have many neighbors, so they must match more closely. */
function boundFor(length: number): number {
  return length < 3 ? 0 : Math.min(3, Math.max(1, Math.floor(length / 4)));
}

/** Minimum length for similar names: `Nam` is `Name`, but `Fax` is not `Tax`. */
const MIN_LIKE = 4;

/** The nearest candidate, the first among equals; `undefined` when none is near enough. */
export function nearest(wanted: string, candidates: readonly Candidate[]): string | undefined {
  const form = squash(bare(wanted));
  if (form === '') return undefined;
  let best: string | undefined;
  let bound = boundFor(form.length);
  for (const candidate of candidates) {
    for (const other of candidate.forms) {
      const distance = editDistance(form, other, bound);
      if (distance === 0) return candidate.name;
      if (distance === undefined || other.length < MIN_LIKE) continue;
      best = candidate.name;
      bound = distance - 1;
    }
  }
  return best;
}

/** ` Did you mean "targets"?`, to end a message about an unknown name; empty if none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const meant = nearest(name, candidatesOf(known.map((key) => ({ name: key, label: '' }))));
  return meant === undefined ? '' : ` Did you mean "${meant}"?`;
}

/** Searches per header: only for its first columns, since a file may have thousands that are all wrong. */
const MAX_HINTS = 100;

export class Hints {
  #left = MAX_HINTS;

  /** Like {@link nearest}, until there have been too many. */
  nearest(wanted: string, candidates: () => readonly Candidate[]): string | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return nearest(wanted, candidates());
  }
}

/**
 * Insertions, deletions, replacements or swaps of neighbors that turn one text into the other.
 * @returns `undefined` when it exceeds `bound`, which is detected early
 */
export function editDistance(a: string, b: string, bound: number): number | undefined {
  if (a === b) return 0;
  if (bound < 1 || Math.abs(a.length - b.length) > bound) return undefined;
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const at = (cells: readonly number[], k: number): number => cells[k] as number;
      let cost = Math.min(at(old, j) + 1, at(row, j - 1) + 1, at(old, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(older, j - 2) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    // Also checks the previous row: a swap reaches back two rows.
    if (least > bound && Math.min(...old) > bound) return undefined;
    older = old;
    old = row;
  }
  const distance = old[b.length] as number;
  return distance > bound ? undefined : distance;
}
