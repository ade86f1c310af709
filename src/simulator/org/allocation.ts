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

/** A rolling allocation: its size, or its size and what is used already when the org starts. */
export type Allocation = number | { max: number; used?: number };

export interface AllocationLimits {
  /** HTTP requests. @default 100,000 */
  apiRequests?: Allocation;
  /** Batches of at most 10,000 records. @default 15,000 */
  batches?: Allocation;
  /** Records of ingest jobs. @default 150,000,000 */
  records?: Allocation;
  /** For all records together, 2 KB each; not rolling. @default 1,000,000 */
  dataStorageMB?: number;
}

export class Allocations {
  readonly apiRequests: RollingWindow;
  readonly batches: RollingWindow;
  readonly records: RollingWindow;
  readonly dataStorageMB: number;

  constructor(limits: AllocationLimits, startedAt: number) {
    this.apiRequests = windowOf(limits.apiRequests ?? 100_000, startedAt);
    this.batches = windowOf(limits.batches ?? 15_000, startedAt);
    this.records = windowOf(limits.records ?? 150_000_000, startedAt);
    this.dataStorageMB = limits.dataStorageMB ?? 1_000_000;
  }

  get maxStoredRecords(): number {
    return Math.floor((this.dataStorageMB * 1000) / 2);
  }
}

function windowOf(allocation: Allocation, startedAt: number): RollingWindow {
  if (typeof allocation === 'number') return new RollingWindow(allocation);
  const window = new RollingWindow(allocation.max);
  window.take(startedAt, Math.min(allocation.used ?? 0, allocation.max));
  return window;
}
