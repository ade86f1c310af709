/**
 * One process at a time, among all that share a folder, on any number of hosts. It survives a `kill -9` of its holder:
 * whoever holds the lock touches its file, and a file that is not touched any more is passed over.
 *
 * Each holder has a file of its own, numbered upwards; the highest number holds. Taking over is therefore the creation
 * of one file, which only one process can do. Locks that remove a stale file first (proper-lockfile does) may be taken
 * by two at once when both saw it stale, and a refresh token that is used twice ends the whole authorization.
 */
import { open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NightloadError } from '../errors.js';

export interface LockTimes {
  /** How often its holder touches it. */
  beatMs: number;
  /** Not touched for so long, its holder is gone. */
  staleMs: number;
  /** How long to wait for others. */
  waitMs: number;
}

export const LOCK_TIMES: Readonly<LockTimes> = { beatMs: 1_000, staleMs: 12_000, waitMs: 90_000 };

const POLL_MS = 40;

export interface HeldLock {
  /** The holder before ended without having given it back. */
  inherited: boolean;
  /** Whether nobody has passed this process over, for example because it was stopped for minutes. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * @param path of the lock; its files are `<path>.<number>`
 * @throws NightloadError `LOGIN_BUSY` when others hold it for too long, and what the file system says
 */
export async function acquireLock(path: string, times: Partial<LockTimes> = {}): Promise<HeldLock> {
  const { beatMs, staleMs, waitMs } = { ...LOCK_TIMES, ...times };
  const begun = performance.now();
  let seen: { n: number; mtimeMs: number; since: number } | undefined;
  for (;;) {
    const newest = await newestOf(path);
    const mtimeMs = newest === 0 ? 0 : await touchedAt(`${path}.${newest}`);
    if (mtimeMs === undefined) continue;
    if (mtimeMs !== 0) {
      // Its own clock tells how long nothing has changed: those of other hosts may be wrong.
      if (seen?.n !== newest || seen.mtimeMs !== mtimeMs) seen = { n: newest, mtimeMs, since: performance.now() };
      if (performance.now() - seen.since < staleMs) {
        if (performance.now() - begun > waitMs) throw busy(path);
        await sleep(POLL_MS);
        continue;
      }
    }
    const mine = newest + 1;
    if (!(await create(`${path}.${mine}`))) continue;
    // From an old list: somebody is further on.
    if ((await newestOf(path)) !== mine) {
      await rm(`${path}.${mine}`, { force: true });
      continue;
    }
    await removeBefore(path, mine);
    return hold(path, mine, { beatMs, inherited: mtimeMs !== 0 });
  }
}

function hold(path: string, mine: number, { beatMs, inherited }: { beatMs: number; inherited: boolean }): HeldLock {
  const file = `${path}.${mine}`;
  let touched: Promise<void> = Promise.resolve();
  const touch = (): void => {
    const now = new Date();
    touched = utimes(file, now, now).catch(() => undefined);
  };
  const beating = setInterval(touch, beatMs);
  beating.unref();
  return {
    inherited,
    isHeld: async () => (await newestOf(path)) === mine,
    async release() {
      clearInterval(beating);
      // One that is under way would come after, and the lock would look held.
      await touched;
      // The file stays, so that numbers only grow; nobody was at work in 1970.
      await utimes(file, 0, 0).catch(() => undefined);
    },
  };
}

async function newestOf(path: string): Promise<number> {
  return Math.max(0, ...(await numbersOf(path)));
}

async function numbersOf(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  return (await readdir(dirname(path)))
    .filter((name) => name.startsWith(prefix) && /^\d{1,15}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
}

/** 0 when it was given back; undefined when it is gone, so that there is a newer one. */
async function touchedAt(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function create(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    // For people who look for a process that hangs; nothing is decided by it.
    await handle.write(`${process.pid} on ${hostname()}\n`).finally(() => handle.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeBefore(path: string, mine: number): Promise<void> {
  const older = (await numbersOf(path)).filter((n) => n < mine);
  await Promise.all(older.map((n) => rm(join(dirname(path), `${basename(path)}.${n}`), { force: true })));
}

function busy(path: string): NightloadError {
  return new NightloadError(
    'LOGIN_BUSY',
    `Another process renews the login that is kept in ${dirname(path)}, and has not ended yet. This passes; if it stays, look for a worker that hangs: ${basename(path)}.* in that folder names it.`,
    { retryable: true },
  );
}
