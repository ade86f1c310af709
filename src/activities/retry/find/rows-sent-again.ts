/**
 * Recognizes rows of result files that are sent again without reading their cells: unprocessed rows, and failed rows
 * whose error's code alone decides it. There may be millions of them, and they mostly have one code.
 */
import { classesOf, mayPassUnchanged, parseRowError } from '../../../domain/platform/row-errors.js';
import type { ResultRow } from '../../../rows/result-rows.js';
import { defined } from '../../../domain/defined.js';
import type { HashPlaces } from '../../../keys/key-table.js';
import { KeyScan } from '../../../keys/wasm/key-scan.js';
import type { KeyIndex } from './retry-key-index.js';
import { resultBatches } from '../read-result-rows.js';
import type { HashedRows } from '../read-result-rows.js';
import type { Key } from './source-keys.js';
import type { TriageContext } from '../triage-context.js';

interface Recognition {
  key: Key;
  index: KeyIndex;
  task: 'add' | 'check';
  /** Called for each row that is recognized, unless the task only checks. */
  onHash?: (at: number) => void;
  /** Is told of many hashes before. */
  prepare?: (hashes: HashPlaces) => void;
}

export class RowsSentAgain {
  readonly #sorting: TriageContext;
  readonly #recognition: Recognition;
  /** With this, a note of a row begins that is sent again. */
  #prefix: string | undefined;

  constructor(sorting: TriageContext, recognition: Recognition) {
    this.#sorting = sorting;
    this.#recognition = recognition;
  }

  /** The rows that are not recognized, in batches. */
  others(part: number, kind: 'failed' | 'unprocessed'): AsyncGenerator<readonly ResultRow[]> {
    const { key, index, task, onHash = () => undefined, prepare } = this.#recognition;
    // Whether a rule changes a row depends on its cells, and its key is needed as text.
    if (this.#sorting.fixes.hasRules) return resultBatches(this.#sorting, part, kind);
    const prefix = kind === 'unprocessed' ? () => '' : () => this.#prefix;
    const hashed: HashedRows = { scan: index.scan, task, column: key.column, prefix, onHash, ...defined({ prepare }) };
    return resultBatches(this.#sorting, part, kind, hashed);
  }

  /** @param row a failed row that is sent again unchanged */
  learn(row: ResultRow): void {
    if (this.#prefix !== undefined || this.#sorting.fixes.hasRules) return;
    const { code } = parseRowError(row.note);
    if (code === undefined) return;
    const [rowClass, other] = classesOf(code);
    if (rowClass === undefined || other !== undefined) return;
    if (!mayPassUnchanged(rowClass, this.#sorting.operation)) return;
    const prefix = `${code}:`;
    if (row.note.startsWith(prefix) && KeyScan.isPrefix(prefix)) this.#prefix = prefix;
  }
}
