/** A notify file: what is accepted, and how each mistake is told, at the worker's start. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { Ajv } from 'ajv';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NightloadError } from '../../../src/errors.js';
import { readNotifyFile } from '../../../src/notify/notify-file.js';
import type { NotifySettings } from '../../../src/notify/settings.js';

const ENV = {
  OPS_URL: 'https://ops.acme.example/hook',
  OPS_KEY: 'a-long-secret-key',
  SMTP_URL: 'smtp://u:p%40ss@mail.acme.example',
};
const FILE = {
  targets: {
    ops: { type: 'webhook', url: 'env:OPS_URL', secret: 'env:OPS_KEY' },
    chat: { type: 'slack', url: 'file:secrets/slack' },
    mail: { type: 'email', smtp: 'env:SMTP_URL', from: 'nightload@acme.example', to: ['ops@acme.example'] },
    page: { type: 'exec', command: [process.execPath, '--version'] },
  },
  rules: [
    {
      when: ['failed', 'rejected', 'late', 'waiting', 'notStarted', 'recovered'],
      to: ['ops', 'mail'],
      objects: ['Account'],
      connections: ['default'],
      schedules: ['nightly'],
      ids: ['nightly-*'],
      rejectedAtLeast: 10,
      waitingLonger: '30m',
    },
    { when: ['finished'], to: ['chat', 'page'] },
  ],
};

interface Folder {
  path: string;
  write(name: string, text: string): string;
}

function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'nightload-notify-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return {
    path,
    write: (name, text) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    },
  };
}

function read(content: unknown, env: Record<string, string> = ENV): NotifySettings {
  const { write } = folder();
  write('secrets/slack', 'https://hooks.slack.com/services/T0/B0/first\n');
  return readNotifyFile(write('notify.json', typeof content === 'string' ? content : JSON.stringify(content)), env);
}

function refusal(content: unknown, env: Record<string, string> = ENV): { code: string; message: string } {
  try {
    read(content, env);
  } catch (error) {
    const { code, message } = error as NightloadError;
    return { code, message };
  }
  return { code: 'accepted', message: '' };
}

const withTarget = (target: unknown): unknown => ({ targets: { ops: target }, rules: [] });
const withRule = (rule: unknown): unknown => ({ targets: FILE.targets, rules: [rule] });

describe('a valid file', () => {
  it('has heartbeats, with their references', () => {
    const { heartbeats } = read({ ...FILE, heartbeats: { nightly: 'env:OPS_URL', plain: 'https://hc.example/x' } });
    expect([...heartbeats].map(([name, { reference }]) => [name, reference])).toEqual([
      ['nightly', 'env:OPS_URL'],
      ['plain', undefined],
    ]);
    expect(inspect(heartbeats, { depth: 5 })).not.toContain('acme.example');
  });

  it('becomes targets and rules, with secrets hidden', () => {
    const { targets, rules, warnings } = read(FILE);
    expect([...targets.keys()]).toEqual(['ops', 'chat', 'mail', 'page']);
    expect(rules[0]).toEqual({ ...FILE.rules[0], waitingLonger: 1_800_000 });
    expect(rules[1]).toEqual(FILE.rules[1]);
    const ops = targets.get('ops');
    expect(ops?.type === 'webhook' && [ops.url.reveal(), ops.secret.reveal()]).toEqual([ENV.OPS_URL, ENV.OPS_KEY]);
    for (const shown of [JSON.stringify([...targets]), inspect(targets, { depth: 9 })]) {
      for (const secret of ['ops.acme', 'a-long', 'p%40ss', 'hooks.slack']) expect(shown).not.toContain(secret);
    }
    expect(warnings).toEqual([]);
  });

  it('names its secret files, and reads them again when they are needed', () => {
    const { write, path } = folder();
    const slack = write('secrets/slack', 'https://hooks.slack.com/services/T0/B0/first\n');
    const settings = readNotifyFile(write('notify.json', JSON.stringify(FILE)), ENV);
    expect(settings.secretFiles).toEqual([join(path, 'notify.json'), slack]);
    write('secrets/slack', 'https://hooks.slack.com/services/T0/B0/second');
    const chat = settings.targets.get('chat');
    expect(chat?.type === 'slack' && chat.url.reveal()).toMatch(/second$/);
  });

  it('warns of secrets in the file itself', () => {
    const { warnings } = read(withTarget({ type: 'webhook', url: 'https://a.example', secret: 'plain' }));
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain('targets.ops.secret is in the file itself');
    expect(warnings.join()).not.toContain('plain');
  });

  it('may refer to any text', () => {
    const env = { ...ENV, OBJECT: 'Account', WAIT: '45s', TO: 'ops' };
    const rule = { when: ['waiting'], to: ['env:TO'], objects: ['env:OBJECT'], waitingLonger: 'env:WAIT' };
    expect(read(withRule(rule), env).rules).toEqual([
      { when: ['waiting'], to: ['ops'], objects: ['Account'], waitingLonger: 45_000 },
    ]);
  });

  it('matches the shipped JSON Schema', () => {
    const url = new URL('../../../schemas/notify.schema.json', import.meta.url);
    const isFile = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(url, 'utf8')) as object);
    expect(isFile(FILE) || isFile.errors).toBe(true);
    expect(isFile({ ...FILE, more: 1 })).toBe(false);
    expect(isFile(withRule({ when: ['started'], to: ['ops'] }))).toBe(false);
  });
});

const WEBHOOK = FILE.targets.ops;
const MAIL = FILE.targets.mail;

describe('a mistake is refused', () => {
  it.each<[string, unknown, string, string | RegExp]>([
    ['no JSON', '{"targets": {"x"', 'NOTIFY_FILE_INVALID', /It is not valid JSON/],
    ['a list', [], 'NOTIFY_FILE_INVALID', 'The file must contain an object with the keys "targets" and "rules".'],
    [
      'a heartbeat that is no address',
      { ...FILE, heartbeats: { nightly: 'env:OPS_KEY' } },
      'NOTIFY_FILE_INVALID',
      'heartbeats.nightly must be an https address without user and password',
    ],
    [
      'a heartbeat without protection',
      { ...FILE, heartbeats: { nightly: 'http://hc.example/x' } },
      'INSECURE_URL',
      'heartbeats.nightly is a plain http address',
    ],
    [
      'a heartbeat of another kind',
      { ...FILE, heartbeats: { nightly: 5 } },
      'NOTIFY_FILE_INVALID',
      'heartbeats.nightly must be an https address',
    ],
    [
      'a name with spaces',
      { ...FILE, heartbeats: { 'my heart': 'env:OPS_URL' } },
      'NOTIFY_FILE_INVALID',
      'is not a valid name',
    ],
    ['no rules', { targets: {} }, 'NOTIFY_FILE_INVALID', 'rules is missing: it must be a list of at most 100 rules.'],
    ['a misspelt key', { target: {}, targets: {}, rules: [] }, 'NOTIFY_FILE_INVALID', 'Did you mean "targets"?'],
    [
      'a key of another type',
      withTarget({ ...FILE.targets.chat, secret: 'x' }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.secret is not a known key. Known keys: type, url.',
    ],
    ['an unknown type', withTarget({ type: 'slak', url: 'x' }), 'NOTIFY_FILE_INVALID', 'Did you mean "slack"?'],
    [
      'no secret',
      withTarget({ type: 'webhook', url: 'env:OPS_URL' }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.secret is missing',
    ],
    [
      'an unknown event',
      withRule({ when: ['fail'], to: ['ops'] }),
      'NOTIFY_FILE_INVALID',
      /rules\.0\.when\.0 must be one of finished/,
    ],
    [
      'an unknown filter',
      withRule({ when: ['failed'], to: ['ops'], object: ['x'] }),
      'NOTIFY_FILE_INVALID',
      'rules.0.object is not a known key. Did you mean "objects"?',
    ],
    [
      'a name with a blank',
      { targets: { 'a b': WEBHOOK }, rules: [] },
      'NOTIFY_FILE_INVALID',
      'targets["a b"] is not a valid name',
    ],
    [
      'an unknown target',
      withRule({ when: ['failed'], to: ['chatt'] }),
      'NOTIFY_TARGET_UNKNOWN',
      'rules.0.to names "chatt", which is not among the targets: ops, chat, mail, page. Did you mean "chat"? Correct the name',
    ],
    [
      'an unset variable',
      withTarget({ ...WEBHOOK, secret: 'env:NONE' }),
      'NOTIFY_REFERENCE_EMPTY',
      'targets.ops.secret refers to the environment variable NONE, which is not set',
    ],
    [
      'a missing file',
      withTarget({ ...WEBHOOK, secret: 'file:none' }),
      'NOTIFY_REFERENCE_EMPTY',
      'which cannot be read (ENOENT)',
    ],
    [
      'plain http',
      withTarget({ ...WEBHOOK, url: 'http://ops.acme.example/' }),
      'INSECURE_URL',
      'targets.ops.url is a plain http address',
    ],
    [
      'no address',
      withTarget({ ...WEBHOOK, url: 'ops.acme.example' }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.url must be an https address',
    ],
    [
      'a password in an address',
      withTarget({ ...WEBHOOK, url: 'https://u:p@ops.acme.example/' }),
      'NOTIFY_FILE_INVALID',
      'without user and password',
    ],
    [
      'no mail server',
      withTarget({ ...MAIL, smtp: 'https://mail' }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.smtp must be a mail server',
    ],
    [
      'a mail address with a line end',
      withTarget({ ...MAIL, to: ['a@b.example\r\nBcc: x@y.example'] }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.to.0 must be an e-mail address',
    ],
    [
      'a mail address with a name',
      withTarget({ ...MAIL, from: 'Ops <a@b.example>' }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.from must be an e-mail address',
    ],
    [
      'no program',
      withTarget({ type: 'exec', command: ['/no/such/program'] }),
      'NOTIFY_FILE_INVALID',
      'targets.ops.command must begin with a program',
    ],
    [
      'a relative program',
      withTarget({ type: 'exec', command: ['./page.sh'] }),
      'NOTIFY_FILE_INVALID',
      'an absolute path, or a name on PATH',
    ],
    [
      'a wait that is none',
      withRule({ when: ['waiting'], to: ['ops'], waitingLonger: 'soon' }),
      'NOTIFY_FILE_INVALID',
      'rules.0.waitingLonger: write a duration such as 5s or 8h.',
    ],
    [
      'a wait too long',
      withRule({ when: ['waiting'], to: ['ops'], waitingLonger: '31d' }),
      'NOTIFY_FILE_INVALID',
      'rules.0.waitingLonger: the maximum is 30d.',
    ],
    ['no list', withRule({ when: 'failed', to: ['ops'] }), 'NOTIFY_FILE_INVALID', 'rules.0.when must be a list of'],
  ])('%s', (_name, content, code, message) => {
    const told = refusal(content);
    expect(told).toMatchObject({ code });
    expect(told.message).toContain('notify.json');
    if (typeof message === 'string') expect(told.message).toContain(message);
    else expect(told.message).toMatch(message);
  });

  it('too many of anything', () => {
    const rules = Array.from({ length: 101 }, () => FILE.rules[1]);
    expect(refusal({ ...FILE, rules }).message).toContain('rules must be a list of at most 100 rules');
    const targets = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, WEBHOOK]));
    expect(refusal({ targets, rules: [] }).message).toContain('at most 50 targets');
    const waits = Array.from({ length: 11 }, (_, i) => ({
      when: ['waiting'],
      to: ['ops'],
      waitingLonger: `${i + 1}m`,
    }));
    expect(refusal({ ...FILE, rules: waits }).message).toContain(
      '11 different values of waitingLonger; use at most 10',
    );
  });

  it('never with the value', () => {
    const secret = 'hunter2-hunter2';
    for (const content of [
      withTarget({ ...WEBHOOK, secret: { [secret]: secret } }),
      withTarget({ ...WEBHOOK, url: secret }),
      withTarget({ ...MAIL, smtp: `smtp://x:${secret}@h/path` }),
      `{"targets": {"ops": {"secret": "${secret}",}}}`,
    ]) {
      const { code, message } = refusal(content);
      expect(code).toBe('NOTIFY_FILE_INVALID');
      expect(message).not.toContain(secret);
    }
  });

  it('a file that others may read', () => {
    const { write } = folder();
    const file = write('notify.json', JSON.stringify(withTarget(WEBHOOK)));
    chmodSync(file, 0o644);
    expect(() => readNotifyFile(file, ENV)).toThrow(expect.objectContaining({ code: 'SECRETS_READABLE' }) as Error);
    expect(readNotifyFile(file, { ...ENV, NIGHTLOAD_SECRETS_MODE: '644' }).targets.size).toBe(1);
  });

  it('a file that is not there', () => {
    expect(() => readNotifyFile(join(tmpdir(), 'no-such-notify.json'), ENV)).toThrow(
      expect.objectContaining({ code: 'NOTIFY_FILE_UNREADABLE' }) as Error,
    );
  });
});
