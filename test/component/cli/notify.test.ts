/** `nightload notify test`, with a real receiver. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { nightload } from '../../helpers/run-cli.js';
import { bodyOf, startOrg } from '../../helpers/salesforce.js';

function fileWith(targets: unknown, heartbeats = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightload-notify-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'notify.json');
  writeFileSync(path, JSON.stringify({ targets, rules: [], heartbeats }), { mode: 0o600 });
  return path;
}

async function run(
  target: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; out: string; err: string }> {
  const command = nightload(['notify', 'test', target, '--json'], env);
  const code = await command.ended;
  return { code, out: command.stdout(), err: command.stderr() };
}

it('sends a marked message, and says what happened', async () => {
  const bodies: string[] = [];
  let status = 200;
  const { url, received } = await startOrg(async (request, response) => {
    bodies.push(await bodyOf(request));
    response.writeHead(status).end();
  });
  const NIGHTLOAD_NOTIFY = fileWith({
    ops: { type: 'webhook', url: 'env:OPS_URL', secret: 'env:OPS_KEY' },
    // Of a target that is not tested, a reference may be empty here.
    pager: { type: 'webhook', url: 'env:PAGER_URL', secret: 'env:PAGER_KEY' },
  });
  const env = { NIGHTLOAD_NOTIFY, OPS_URL: `${url}/token`, OPS_KEY: 'hunter2' };

  const sent = await run('ops', env);
  expect(sent).toMatchObject({ code: 0 });
  const { id, loadId } = JSON.parse(bodies[0] ?? '') as { id: string; loadId: string };
  expect([id.startsWith('test-'), loadId]).toEqual([true, 'notify-test']);
  expect(received[0]?.headers).toMatchObject({ 'x-nightload-test': 'true', 'x-nightload-delivery': id });
  expect(JSON.parse(sent.out)).toEqual({ ok: true, target: 'ops', type: 'webhook', id });
  expect(sent.err).toBe(`ops (webhook): took the test message ${id}. Check that it arrived.\n`);

  status = 500;
  const failed = await run('ops', env);
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.err).toMatch(/^nightload: NOTIFY_UNAVAILABLE: The webhook answered HTTP 500/);
  expect(JSON.parse(failed.out)).toMatchObject({ error: { code: 'NOTIFY_UNAVAILABLE' } });
  expect(failed.err + failed.out + sent.err + sent.out).not.toMatch(/hunter2|token/);

  expect((await run('op', env)).err).toMatch(/^nightload: NOTIFY_TARGET_UNKNOWN: The command names "op"/);
  expect(bodies).toHaveLength(2);
});

it('needs a notify file that works', async () => {
  expect(await run('ops', {})).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^nightload: NOTIFY_NOT_CONFIGURED: /) as string,
  });
  const NIGHTLOAD_NOTIFY = fileWith({ ops: { type: 'webhook', url: 'https://ops.example', secret: 'env:NONE' } });
  expect((await run('ops', { NIGHTLOAD_NOTIFY })).err).toMatch(/^nightload: NOTIFY_REFERENCE_EMPTY: /m);
});

it('pings a heartbeat', async () => {
  const { url, received } = await startOrg((_request, response) => void response.end('OK'));
  const NIGHTLOAD_NOTIFY = fileWith({}, { nightly: 'env:HC_URL' });
  const pinged = await run('nightly', { NIGHTLOAD_NOTIFY, HC_URL: `${url}/token` });
  expect(pinged).toMatchObject({ code: 0 });
  expect(JSON.parse(pinged.out)).toEqual({ ok: true, target: 'nightly', type: 'heartbeat' });
  expect(pinged.err).toMatch(/^nightly \(heartbeat\): took a ping\./);
  expect(pinged.out + pinged.err).not.toContain('token');
  expect(received.map(({ url: path }) => path)).toEqual(['/token']);
});
