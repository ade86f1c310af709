/** Which rows of a stage are to be found again, by key, and what the source has of them. Memory grows with those rows only. */

export interface KeyEntry {
  /** Rows of result files that are to be sent again. */
  wanted: number;
  /** Rows of the same key that failed for good. */
  refused: number;
  /** Rows of the source: start and end of each, in turn. */
  found: number[];
}

/**
 * What to do with the rows of a key.
 * - `source`: as many source rows as wanted ones: the source's own bytes are sent.
 * - `result`: no certain match: the values that the result file shows are sent.
 * - `ambiguous`: some rows of the key landed and some did not; an older value must not overwrite a newer one.
 */
export type Verdict = 'source' | 'result' | 'ambiguous';

export function verdictOn(entry: KeyEntry): Verdict {
  const inSource = entry.found.length / 2;
  if (inSource > entry.wanted + entry.refused) return 'ambiguous';
  return inSource === entry.wanted && entry.refused === 0 ? 'source' : 'result';
}

export class KeyIndex {
  readonly #entries = new Map<string, KeyEntry>();

  get size(): number {
    return this.#entries.size;
  }

  want(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, { wanted: 1, refused: 0, found: [] });
    else entry.wanted++;
  }

  /** Notes a row that failed for good, if rows of its key are wanted. */
  refuse(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.refused++;
  }

  find(key: string, start: number, end: number): void {
    this.#entries.get(key)?.found.push(start, end);
  }

  verdict(key: string): Verdict {
    const entry = this.#entries.get(key);
    return entry === undefined ? 'result' : verdictOn(entry);
  }

  /** Whether any row must be taken from, or rejected out of, the result files. */
  get needsResults(): boolean {
    for (const entry of this.#entries.values()) if (verdictOn(entry) !== 'source') return true;
    return false;
  }

  /** Source rows to be sent again, in the order of the file. */
  sourceRanges(): { start: number; end: number }[] {
    const ranges: { start: number; end: number }[] = [];
    for (const entry of this.#entries.values()) {
      if (verdictOn(entry) !== 'source') continue;
      for (let i = 0; i < entry.found.length; i += 2) {
        ranges.push({ start: entry.found[i] as number, end: entry.found[i + 1] as number });
      }
    }
    return ranges.sort((a, b) => a.start - b.start);
  }
}
