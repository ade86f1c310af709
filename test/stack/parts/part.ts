/** One part of the stack: a process that can be killed and started again. Its output goes into a file. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Launch {
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** PostgreSQL refuses to run as root. */
  as?: { uid: number; gid: number };
}

const START_LIMIT_MS = 90_000;
const running = new Set<ChildProcess>();
// If the test itself dies, or the runner of this process, nothing stays behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const end of ['disconnect', 'SIGTERM', 'SIGINT'] as const) process.once(end, () => process.exit(1));

export class Part {
  readonly name: string;
  readonly logFile: string;
  readonly #launch: Launch;
  readonly #isReady: () => Promise<boolean>;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);

  constructor(name: string, launch: Launch, at: { logFile: string; isReady: () => Promise<boolean> }) {
    this.name = name;
    this.logFile = at.logFile;
    this.#launch = launch;
    this.#isReady = at.isReady;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && running.has(this.#child);
  }

  /** Settles with the exit code, `null` after a signal. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  get said(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Starts it and waits until it works. What it left behind when it was killed may refuse the first attempts. */
  async start(): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS;
    this.#spawn();
    while (!(await this.#isReady().catch(() => false))) {
      if (Date.now() > deadline) {
        const last = this.said.split('\n').slice(-10);
        throw new Error(`${this.name} does not start:\n${last.map((line) => line.slice(0, 300)).join('\n')}`);
      }
      await pause(200);
      if (!this.isRunning) this.#spawn();
    }
  }

  #spawn(): void {
    const { program, args, env, cwd, as } = this.#launch;
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', log, log], ...as });
    closeSync(log);
    this.#child = child;
    running.add(child);
    this.#ended = new Promise((done) => {
      const end = (code: number | null): void => {
        running.delete(child);
        done(code);
      };
      child.once('exit', end);
      child.once('error', () => end(null));
    });
  }

  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill(signal);
    await this.#ended;
  }

  /** The kernel's peak of its resident memory, in MB. */
  peakMemory(): number {
    return this.#memory(/^VmHWM:\s+(\d+) kB$/m);
  }

  residentMemory(): number {
    return this.#memory(/^VmRSS:\s+(\d+) kB$/m);
  }

  #memory(line: RegExp): number {
    const [, kibibytes] = line.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
    return (Number(kibibytes) * 1_024) / 1e6;
  }

  /** Processor time that it has used so far, in seconds. */
  processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // The kernel counts in hundredths.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}
