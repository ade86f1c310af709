/** The org's rolling 24-hour allocations, on its own clock. */

const WINDOW_S = 24 * 60 * 60;

/** Usage in the 24 hours before a moment, to the second. */
export class RollingWindow {
  readonly max: number;
  readonly #bySecond = new Map<number, number>();
  #sum = 0;
  #prunedTo = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** Uses this much unless it would exceed the limit. */
  take(at: number, amount = 1): boolean {
    if (this.used(at) + amount > this.max) return false;
    const second = Math.floor(at / 1000);
    this.#bySecond.set(second, (this.#bySecond.get(second) ?? 0) + amount);
    this.#sum += amount;
    return true;
  }

  used(at: number): number {
    const oldest = Math.floor(at / 1000) - WINDOW_S;
    if (oldest <= this.#prunedTo) return this.#sum;
    this.#prunedTo = oldest;
    for (const [second, amount] of this.#bySecond) {
      if (second > oldest) break;
      this.#bySecond.delete(second);
      this.#sum -= amount;
    }
    return this.#sum;
  }

  remaining(at: number): number {
    return Math.max(0, this.max - this.used(at));
  }
}

export interface AllocationLimits {
  /** HTTP requests. @default 100,000 */
  apiRequests?: number;
  /** Batches of at most 10,000 records. @default 15,000 */
  batches?: number;
  /** Records of ingest jobs. @default 150,000,000 */
  records?: number;
  /** For all records together, 2 KB each; not rolling. @default 1,000,000 */
  dataStorageMB?: number;
}

export class Allocations {
  readonly apiRequests: RollingWindow;
  readonly batches: RollingWindow;
  readonly records: RollingWindow;
  readonly dataStorageMB: number;

  constructor(limits: AllocationLimits = {}) {
    this.apiRequests = new RollingWindow(limits.apiRequests ?? 100_000);
    this.batches = new RollingWindow(limits.batches ?? 15_000);
    this.records = new RollingWindow(limits.records ?? 150_000_000);
    this.dataStorageMB = limits.dataStorageMB ?? 1_000_000;
  }

  get maxStoredRecords(): number {
    return Math.floor((this.dataStorageMB * 1000) / 2);
  }
}
