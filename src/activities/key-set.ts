/**
 * Which keys were seen: those of one part, which may have millions. Should two keys share a hash, then a key counts as
 * seen that was not, which never sends a row twice.
 */
import { KeyTable } from './key-table.js';
import type { KeyHash } from './key-hash.js';

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
