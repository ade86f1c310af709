// Child processes of the benchmark, and their resource usage.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';

const children = new Set();
// However the benchmark ends, no child process stays.
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Starts a process and waits until its output matches `ready`; the match is `said`. */
export function start(program, args, ready, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    children.add(child);
    const ended = new Promise((done) => child.once('close', done)).then(() => children.delete(child));
    let text = '';
    const hear = (chunk) => {
      text += chunk;
      const said = ready.exec(text);
      if (said === null) return;
      for (const stream of [child.stdout, child.stderr]) stream.off('data', hear).resume();
      resolve({
        pid: child.pid,
        said,
        async stop() {
          child.kill('SIGTERM');
          await ended;
        },
      });
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
    child.once('error', reject);
    void ended.then(() => reject(new Error(`${program} ${args.join(' ')} ended: ${text}`)));
  });
}

/** Runs a program to its end. @returns its output, and its duration in seconds */
export function run(program, args, { input = '', ...options } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(program, args, options);
    children.add(child);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.stdin.on('error', () => undefined).end(input);
    child.once('error', reject).once('close', (code) => {
      children.delete(child);
      const seconds = (performance.now() - began) / 1000;
      if (code === 0) resolve({ out, err, seconds });
      else reject(new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${code}: ${err || out}`));
    });
  });
}

/** Peak resident memory of a process in MB of 10^6 bytes; Linux only. */
export async function peakMemory(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
}

/** Unit of processor time on Linux. */
const TICKS_PER_SECOND = 100;

/** Processor seconds of a process, and of its children that have ended. */
export async function processorTime(pid = 'self') {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name before it may contain blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  return { own: user + system, children: childUser + childSystem };
}
