/**
 * Encrypts payloads before they leave this process, and decrypts what comes back: AES-256-GCM with a new nonce for
 * each. Everything that Temporal stores (inputs, results, messages, memo, summaries, failures) is then unreadable
 * without the keys.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { CodecError, damaged, keyMissing } from './codec-error.js';
import { KEY_ID } from './codec-keys.js';
import type { CodecKeys } from './codec-keys.js';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** The same name as in Temporal's own samples, so that its UI and other programs recognize it. */
const ENCRYPTED = 'binary/encrypted';
const CIPHER = 'AES-256-GCM';
const NODE_CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

/**
 * Authenticated in addition to the content: a changed encoding, cipher or key id makes the payload unreadable. The
 * workflow is not included: a schedule, a memo in a list and the Temporal UI show payloads without their workflow.
 */
function additionalData(keyId: string): Buffer {
  return Buffer.from(`nightload payload 1\n${ENCRYPTED}\n${CIPHER}\n${keyId}`);
}

export class EncryptionCodec implements PayloadCodec {
  readonly #keys: CodecKeys | undefined;

  /** @param keys undefined: nothing is encrypted, and encrypted payloads are reported as such */
  constructor(keys: CodecKeys | undefined) {
    this.#keys = keys;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.encrypt(payload));
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.decrypt(payload));
  }

  encrypt(payload: Payload): Payload {
    if (this.#keys === undefined) return payload;
    const { active, keys } = this.#keys;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(NODE_CIPHER, keys.get(active) as KeyObject, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(active));
    const content = PayloadMessage.encode(payload).finish();
    const data = Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return {
      metadata: {
        encoding: bytesOf(ENCRYPTED),
        'encryption-cipher': bytesOf(CIPHER),
        'encryption-key-id': bytesOf(active),
      },
      data: new Uint8Array(data),
    };
  }

  /** @throws CodecError `CODEC_KEY_MISSING`, `CODEC_PAYLOAD_DAMAGED`, `CODEC_PLAINTEXT_REFUSED` */
  decrypt(payload: Payload): Payload {
    const { metadata, data } = payload;
    if (textOf(metadata?.['encoding']) !== ENCRYPTED) return this.#plain(payload);
    const keyId = textOf(metadata?.['encryption-key-id']);
    if (textOf(metadata?.['encryption-cipher']) !== CIPHER || !KEY_ID.test(keyId)) {
      throw damaged('nightload did not write it, or it was changed');
    }
    const key = this.#keys?.keys.get(keyId);
    if (key === undefined) throw keyMissing(keyId, [...(this.#keys?.keys.keys() ?? [])]);
    try {
      return this.#open(Buffer.from(data ?? []), key, keyId);
    } catch (error) {
      throw damaged(`the key "${keyId}" of this process is not the one that encrypted it, or it was changed`, error);
    }
  }

  #plain(payload: Payload): Payload {
    if (this.#keys?.plaintext !== 'refuse') return payload;
    throw new CodecError(
      'CODEC_PLAINTEXT_REFUSED',
      'This was not encrypted, and "plaintext": "refuse" in NIGHTLOAD_CODEC_KEYS refuses it. ' +
        'Start it with the keys, or remove that setting until older workflows have ended.',
    );
  }

  #open(sealed: Buffer, key: KeyObject, keyId: string): Payload {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
    const decipher = createDecipheriv(NODE_CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(keyId));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const content = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    const { metadata, data } = PayloadMessage.decode(content);
    return { metadata, data };
  }
}
