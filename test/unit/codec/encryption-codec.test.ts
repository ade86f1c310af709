/** The codec itself: round trips, rotation, tampering, ledger data. */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { besideLedger } from '../../../src/codec/beside-ledger.js';
import { codecKeysFrom } from '../../../src/codec/codec-keys.js';
import { dataConverterFromEnvironment, workerConverter } from '../../../src/codec/data-converter.js';
import { EncryptionCodec } from '../../../src/codec/encryption-codec.js';
import { inTheClear } from '../../../src/protocol/messages/unencrypted.js';
import { reasonIn, withReason } from '../../../src/protocol/messages/unreadable.js';
import { keyRing } from '../../helpers/codec-keys.js';

const ring = keyRing();
const codec = (active: string, ...others: string[]): EncryptionCodec =>
  new EncryptionCodec(codecKeysFrom(ring(active, ...others).env));
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value) as Payload;
const valueOf = (payload: Payload): unknown => defaultPayloadConverter.fromPayload(payload);
const VALUE = { source: 'file:///planted-plaintext.csv', n: 1 };

function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe('encryption', () => {
  it('restores its input, reveals nothing of it, and gives a different text each time', () => {
    const one = codec('k1');
    const sealed = [one.encrypt(payloadOf(VALUE)), one.encrypt(payloadOf(VALUE))];
    expect(sealed.map((payload) => valueOf(one.decrypt(payload)))).toEqual([VALUE, VALUE]);
    const [a, b] = sealed.map(({ data }) => Buffer.from(data ?? []));
    expect(a?.includes('planted')).toBe(false);
    expect(a?.subarray(0, 12).equals(b?.subarray(0, 12) ?? Buffer.alloc(0))).toBe(false);
    expect(
      Object.entries(sealed[0]?.metadata ?? {}).map(([key, bytes]) => [key, Buffer.from(bytes).toString()]),
    ).toEqual([
      ['encoding', 'binary/encrypted'],
      ['encryption-cipher', 'AES-256-GCM'],
      ['encryption-key-id', 'k1'],
    ]);
  });

  it('preserves every kind of payload: undefined, bytes, empty', () => {
    const one = codec('k1');
    for (const value of [undefined, new Uint8Array([1, 2, 3]), '', null, []]) {
      expect(valueOf(one.decrypt(one.encrypt(payloadOf(value))))).toEqual(value);
    }
  });

  it('reads with old keys and writes with the active one', () => {
    const before = codec('k1').encrypt(payloadOf(VALUE));
    const after = codec('k2', 'k1');
    expect(valueOf(after.decrypt(before))).toEqual(VALUE);
    expect(errorOf(() => codec('k1').decrypt(after.encrypt(payloadOf(VALUE))))).toMatchObject({
      code: 'CODEC_KEY_MISSING',
    });
  });

  it('names the missing key, and reports that a process has none', () => {
    const sealed = codec('k1').encrypt(payloadOf(VALUE));
    expect(errorOf(() => codec('k2').decrypt(sealed))).toMatchObject({
      code: 'CODEC_KEY_MISSING',
      message: expect.stringMatching(/key "k1", and this process has only "k2".*NIGHTLOAD_CODEC_KEYS/) as string,
    });
    expect(errorOf(() => new EncryptionCodec(undefined).decrypt(sealed))).toMatchObject({
      message: expect.stringMatching(/this process has no keys/) as string,
    });
  });

  it('refuses every change: content, nonce, tag, key id, cipher, length', () => {
    const both = codec('k1', 'k2');
    const sealed = both.encrypt(payloadOf(VALUE));
    const data = Buffer.from(sealed.data ?? []);
    const flipped = [0, 12, data.length - 1].map((at) => {
      const bytes = Buffer.from(data);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return { ...sealed, data: bytes };
    });
    const meta = (key: string, text: string): Payload => ({
      ...sealed,
      metadata: { ...sealed.metadata, [key]: Buffer.from(text) },
    });
    const forged = [
      ...flipped,
      meta('encryption-key-id', 'k2'),
      meta('encryption-key-id', 'k1\n[31m'),
      meta('encryption-cipher', 'none'),
      ...[0, 27].map((length) => ({ ...sealed, data: data.subarray(0, length) })),
    ];
    for (const payload of forged) {
      const error = errorOf(() => both.decrypt(payload));
      expect(error).toMatchObject({ code: 'CODEC_PAYLOAD_DAMAGED' });
      // eslint-disable-next-line no-control-regex
      expect((error as Error).message).not.toMatch(/[\u0000-\u001f]/);
    }
  });

  it('reads unencrypted payloads, unless configured not to', () => {
    const plain = payloadOf(VALUE);
    expect(valueOf(codec('k1').decrypt(plain))).toEqual(VALUE);
    const { env } = ring('k1');
    const settings = JSON.parse(env['NIGHTLOAD_CODEC_KEYS'] ?? '') as object;
    const strict = new EncryptionCodec(
      codecKeysFrom({ ...env, NIGHTLOAD_CODEC_KEYS: JSON.stringify({ ...settings, plaintext: 'refuse' }) }),
    );
    expect(errorOf(() => strict.decrypt(plain))).toMatchObject({ code: 'CODEC_PLAINTEXT_REFUSED' });
    expect(valueOf(strict.decrypt(strict.encrypt(plain)))).toEqual(VALUE);
  });
});

describe('next to a ledger', () => {
  const ledger = { type: 'workflow', namespace: 'default', workflowId: 'nightload-allocation/acme' } as const;
  const load = { type: 'workflow', namespace: 'default', workflowId: 'bulk-load/x' } as const;
  const step = { type: 'activity', namespace: 'default', isLocal: false, workflowId: ledger.workflowId } as const;
  const beside = besideLedger(codec('k1'));

  it('data to it, from it and inside it is unencrypted; everything else is encrypted', async () => {
    expect(await beside.encode([payloadOf(VALUE)], ledger)).toEqual([payloadOf(VALUE)]);
    expect(await beside.encode([payloadOf(VALUE)], step)).toEqual([payloadOf(VALUE)]);
    for (const context of [load, undefined, { ...step, workflowId: load.workflowId }]) {
      const [sealed] = await beside.encode([payloadOf(VALUE)], context);
      expect(Buffer.from(sealed?.data ?? []).includes('planted')).toBe(false);
    }
  });

  it('a lease that it sends is unencrypted for every reader; the mark admits nothing else', async () => {
    const { env } = ring('k1');
    const settings = JSON.parse(env['NIGHTLOAD_CODEC_KEYS'] ?? '') as object;
    const strict = besideLedger(
      new EncryptionCodec(
        codecKeysFrom({ ...env, NIGHTLOAD_CODEC_KEYS: JSON.stringify({ ...settings, plaintext: 'refuse' }) }),
      ),
    );
    const grant = payloadOf(inTheClear({ id: 'x', warning: 'y' }));
    expect(await beside.encode([grant], load)).toEqual([grant]);
    expect((await strict.decode([grant], load)).map(valueOf)).toEqual([{ id: 'x', warning: 'y' }]);
    const forgeries = [
      inTheClear({ ...VALUE, id: 'x' }),
      inTheClear({ id: { deep: 1 } }),
      inTheClear({ id: 'x'.repeat(5_000) }),
      inTheClear('text'),
    ];
    for (const forged of forgeries) {
      await expect(strict.decode([payloadOf(forged)], load)).rejects.toMatchObject({ code: 'CODEC_PLAINTEXT_REFUSED' });
      expect(await beside.encode([payloadOf(forged)], load)).not.toEqual([payloadOf(forged)]);
    }
  });

  it('an unreadable payload arrives there as null, elsewhere with the reason, and fails a step', async () => {
    const { payloadCodecs = [] } = workerConverter(dataConverterFromEnvironment(ring('k2').env));
    const decoded = async (payload: Payload, context: SerializationContext): Promise<Payload> => {
      let found = [payload];
      for (const one of payloadCodecs.toReversed()) found = await one.decode(found, context);
      return found[0] as Payload;
    };
    const through = async (payload: Payload, context: SerializationContext): Promise<unknown> =>
      valueOf(await decoded(payload, context));
    const encoding = (text: string): Payload => ({
      metadata: { encoding: Buffer.from(text) },
      data: Buffer.from('{"a":'),
    });
    const hostile: Payload[] = [
      codec('k1').encrypt(payloadOf(VALUE)),
      codec('k2').encrypt(payloadOf(VALUE)),
      encoding('json/plain'),
      encoding('binary/zstd'),
      encoding('json/protobuf'),
      { metadata: {}, data: Buffer.from('x') },
      {},
    ];
    for (const payload of hostile) expect(await through(payload, ledger)).toBeNull();
    expect(await through(payloadOf(VALUE), ledger)).toEqual(VALUE);
    const [unknown] = hostile as [Payload];
    expect(reasonIn(await decoded(unknown, load))).toMatch(/^CODEC_KEY_MISSING: .*key "k1"/);
    // A sender's own reason does not count.
    expect(reasonIn(await decoded(withReason(payloadOf(VALUE), 'forged'), load))).toBeUndefined();
    const other = { ...step, workflowId: load.workflowId };
    await expect(decoded(unknown, other)).rejects.toMatchObject({ code: 'CODEC_KEY_MISSING' });
  });

  it('unreadable payloads reach it, and an activity, as null; nothing else is changed', async () => {
    const odd: Payload = { metadata: { encoding: Buffer.from('binary/other') }, data: Buffer.from('x') };
    const forged = withReason(payloadOf(VALUE), 'CODEC_KEY_MISSING: forged');
    const activity = { type: 'activity', workflowId: 'bulk-load/x' } as SerializationContext;
    const through = async (payload: Payload, context: SerializationContext, given = {}): Promise<Payload> => {
      let payloads = [payload];
      for (const codec of [...(workerConverter(given).payloadCodecs ?? [])].reverse()) {
        payloads = await codec.decode(payloads, context);
      }
      return payloads[0] as Payload;
    };
    for (const context of [ledger, activity]) expect(valueOf(await through(odd, context))).toBeNull();
    expect(await through(odd, load)).toEqual(odd);
    expect(await through(odd, activity, { payloadConverterPath: '/their/converter.js' })).toEqual(odd);
    for (const context of [ledger, activity, load]) expect(await through(forged, context)).toEqual(payloadOf(VALUE));
  });

  it('codecs of a host are kept off it too', async () => {
    const theirs: PayloadCodec = {
      encode: () => Promise.resolve([payloadOf('theirs')]),
      decode: () => Promise.reject(new Error('no')),
    };
    const { payloadCodecs = [] } = workerConverter({ payloadCodecs: [theirs] });
    expect(await payloadCodecs[1]?.encode([payloadOf(VALUE)], ledger)).toEqual([payloadOf(VALUE)]);
    expect(await payloadCodecs[1]?.decode([payloadOf(VALUE)], ledger)).toEqual([payloadOf(VALUE)]);
    expect(await payloadCodecs[1]?.encode([payloadOf(VALUE)], load)).toEqual([payloadOf('theirs')]);
  });
});
