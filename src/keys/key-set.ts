/**
 * Set of seen keys: those of one part, which may have millions. If two keys share a hash, an unseen key counts as seen,
 * which never sends a row twice.
 */
import { KeyTable } from './key-table.js';
import type { KeyHash } from './sip-hash.js';

export class KeySet {
  readonly #keys: KeyTable;

  /** @param hash for tests */
  constructor(hash?: KeyHash) {
    this.#keys = new KeyTable(hash);
  }

  add(key: string): void {
    this.#keys.add(key);
  }

  has(key: string): boolean {
    return this.#keys.numberOf(key) !== -1;
  }
}
