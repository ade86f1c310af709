/** Finds the name that somebody most likely meant: by letters alone, then by how few of them differ. */

export interface Nameable {
  name: string;
  label: string;
  /** As in describe; a lookup is also known without the `Id` at its end. */
  type?: string;
}

export interface Candidate {
  name: string;
  /** What it may be called, letters and digits only. */
  forms: readonly string[];
}

/** Letters and digits: people differ in blanks, underscores and capitals, and some letters have wide or narrow forms. */
function squash(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** Without the `__c` or `__r` at its end, which people forget or mix up. */
function bare(name: string): string {
  return name.replace(/__[cr]$/i, '');
}

/** Worked out once, because a header may be wrong in thousands of columns. */
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

/** Short names have many neighbours, so they must match more closely. */
function boundFor(length: number): number {
  return length < 3 ? 0 : Math.min(3, Math.max(1, Math.floor(length / 4)));
}

/** `Nam` is `Name`, but `Fax` is not `Tax`. */
const SHORTEST_LIKE = 4;

/** The nearest candidate, the first of equally near ones; `undefined` when none is near enough to be meant. */
export function nearest(wanted: string, candidates: readonly Candidate[]): string | undefined {
  const form = squash(bare(wanted));
  if (form === '') return undefined;
  let best: string | undefined;
  let bound = boundFor(form.length);
  for (const candidate of candidates) {
    for (const other of candidate.forms) {
      const distance = editDistance(form, other, bound);
      if (distance === 0) return candidate.name;
      if (distance === undefined || other.length < SHORTEST_LIKE) continue;
      best = candidate.name;
      bound = distance - 1;
    }
  }
  return best;
}

/** Searches of a header: the first of its columns only, since a file may have thousands that are all wrong. */
const MOST_HINTS = 100;

export class Hints {
  #left = MOST_HINTS;

  /** As {@link nearest}, as long as there are not too many. */
  nearest(wanted: string, candidates: () => readonly Candidate[]): string | undefined {
    if (this.#left === 0) return undefined;
    this.#left--;
    return nearest(wanted, candidates());
  }
}

/**
 * Letters to insert, delete, replace or swap with their neighbour to make one text the other.
 * @returns `undefined` when it is more than `bound`, which is found out early
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
    // One row more: a swap reaches back over two.
    if (least > bound && Math.min(...old) > bound) return undefined;
    older = old;
    old = row;
  }
  const distance = old[b.length] as number;
  return distance > bound ? undefined : distance;
}
