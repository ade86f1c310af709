/**
 * A lock for one process at a time among all that share a folder, on any number of hosts. It survives a `kill -9` of
 * its holder: the holder touches the lock file regularly, and a file that is no longer touched is ignored.
 *
 * Each holder has its own file, numbered upwards; the highest number holds the lock. Taking over therefore means
 * creating one file, which only one process can do. Locks that remove a stale file first (such as proper-lockfile) may
 * be taken by two processes that both saw it stale, and using a refresh token twice ends the whole authorization.
 */
import { open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NightloadError } from '../../errors.js';

export interface LockTimes {
  /** How often the holder touches the file. */
  beatMs: number;
  /** Without a touch for this long, the holder is considered gone. */
  staleMs: number;
  /** How long to wait for others. */
  waitMs: number;
}

const LOCK_TIMES: Readonly<LockTimes> = { beatMs: 1_000, staleMs: 12_000, waitMs: 90_000 };

const POLL_MS = 40;

export interface HeldLock {
  /** The previous holder ended without releasing it. */
  inherited: boolean;
  /** Whether no other process has taken over, for example because this one was stopped for minutes. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * @param path of the lock; its files are `<path>.<number>`
 * @throws NightloadError `LOGIN_BUSY` if others hold it for too long, and file system errors
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
      // The local clock measures how long nothing has changed: other hosts' clocks may be wrong.
      if (seen?.n !== newest || seen.mtimeMs !== mtimeMs) seen = { n: newest, mtimeMs, since: performance.now() };
      if (performance.now() - seen.since < staleMs) {
        if (performance.now() - begun > waitMs) throw busy(path);
        await sleep(POLL_MS);
        continue;
      }
    }
    const mine = newest + 1;
    if (!(await create(`${path}.${mine}`))) continue;
    // The list was outdated: another process has a higher number.
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
      // A touch after the release would make the lock look held.
      await touched;
      // The file stays, so that numbers only grow; a time in 1970 marks it as released.
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

/** 0 if it was released; undefined if the file is gone, which means that there is a newer one. */
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
    // Only for people who look for a process that hangs.
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
    `Another process is renewing the login stored in ${dirname(path)}. This is temporary; if it persists, look for a hung worker: the file ${basename(path)}.* in that folder identifies it.`,
    { retryable: true },
  );
}
