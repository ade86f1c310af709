/** Unit tests start no server and no process, so that all of them take less than a minute. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const UNIT = fileURLToPath(new URL('../unit', import.meta.url));
const STARTS =
  /\bcreateServer\(|'node:child_process'|'node:worker_threads'|\bstart(?:Simulator|S3Server|Webhook|MailServer)\(/;

it('test/unit starts nothing', () => {
  const files = readdirSync(UNIT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((name) => STARTS.test(readFileSync(join(UNIT, name), 'utf8')))).toEqual([]);
});
