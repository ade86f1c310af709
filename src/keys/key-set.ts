/**
 * Set of seen keys: those of one part, which may have millions. If two keys share a hash, an unseen key counts as seen,
 * which never sends a row twice.
 */
import { KeyTable } from './key-table.js';
import type { KeyHash } from './sip-hash.js';

export class KeySet {
  readonly #keys: KeyTable;

  /** @param hash for tests, or a secret that another table has too */
  constructor(hash?: KeyHash | Uint8Array) {
    this.#keys = new KeyTable(hash);
  }

  add(key: string): void {
    this.#keys.add(key);
  }

  has(key: string): boolean {
    return this.#keys.numberOf(key) !== -1;
  }

  /** As {@link add}, for the hash at a place of a list. */
  addHash(words: Int32Array, at: number): void {
    this.#keys.addHash(words, at);
  }

  hasHash(words: Int32Array, at: number): boolean {
    return this.#keys.numberOfHash(words, at) !== -1;
  }
}
