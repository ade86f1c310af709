import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { clearTimeout, setTimeout } from 'node:timers';
import { fetch } from 'undici';

const STARTS_WITHIN_MS = 20_000;

/** The simulated org as its users start it, in a separate process. */
export async function startOrg(main) {
  const child = spawn(process.execPath, [main, 'simulator', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await ended;
  };
  // For an exit that runs no `finally`.
  process.once('exit', () => child.kill());
  try {
    const said = await greeting(child);
    const [, url] = /SF_INSTANCE_URL=(\S+)/.exec(said);
    const [, token] = /SF_ACCESS_TOKEN='([^']+)'/.exec(said);
    const [, key] = /x-simulator-key: (\S+)/.exec(said);
    return { url, token, stop, ...door(url, key) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function greeting(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why) => reject(new Error(`the simulator ${why}: ${said}`));
    const timer = setTimeout(() => fail('says nothing'), STARTS_WITHIN_MS);
    const read = (text) => {
      said += text;
      if (!/x-simulator-key: \S+\n/.test(said)) return;
      clearTimeout(timer);
      resolve(said);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read);
    child.on('error', reject).on('exit', () => {
      clearTimeout(timer);
      fail('ended');
    });
  });
}

function door(url, key) {
  const ask = async (path, body) => {
    const headers = { 'x-simulator-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) };
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
    const reply = await fetch(`${url}/__simulator/${path}`, init);
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  };
  return {
    ledger: () => ask('ledger'),
    records: (object) => ask(`records?object=${object}`),
    failNextJob: (records) => ask('fail-next-job', { records }),
  };
}
