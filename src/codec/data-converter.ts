/** Data converters for workers and clients: nightload's codec, and failures with encrypted messages. */
import { fileURLToPath } from 'node:url';
import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { besideLedger, readableGuard } from './beside-ledger.js';
import { CodecError } from './codec-error.js';
import { codecKeysFrom } from './codec-keys.js';
import { EncryptionCodec } from './encryption-codec.js';
import { withoutReason, withReason } from '../protocol/messages/unreadable.js';

export const FAILURE_CONVERTER = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url));

/**
 * For `new Client({ dataConverter })` and `Worker.create({ dataConverter })`, from `NIGHTLOAD_CODEC_KEYS`. Without that
 * variable nothing is encrypted.
 * @throws NightloadError `CODEC_KEYS_INVALID`, `SECRETS_READABLE`
 */
export function dataConverterFromEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): DataConverter {
  const keys = codecKeysFrom(env);
  return {
    payloadCodecs: [besideLedger(new EncryptionCodec(keys))],
    ...(keys !== undefined && { failureConverterPath: FAILURE_CONVERTER }),
  };
}

/** Adds to a worker's codecs what serving an org's ledger requires. */
export function workerConverter(given: DataConverter = {}): DataConverter {
  const codecs = (given.payloadCodecs ?? []).map((codec) => besideLedger(sayingCodes(codec)));
  return { ...given, payloadCodecs: [readableGuard(given.payloadConverterPath === undefined), ...codecs, reasonGuard] };
}

/** For workers, the first to decode: a reason that comes with a payload is its sender's, and forged. */
const reasonGuard: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads) => Promise.resolve(payloads.map(withoutReason)),
};

/**
 * For an error that fails a workflow task, Temporal keeps only the message. And anyone may have sent a workflow a
 * message that cannot be decrypted: it is passed to the workflow unchanged, with the reason. The workflow skips such
 * messages; if it needs the payload, its task waits for a worker that has the key.
 */
function sayingCodes(codec: PayloadCodec): PayloadCodec {
  return {
    encode: (payloads, context) => codec.encode(payloads, context),
    async decode(payloads, context) {
      const decoded = payloads.map(async (payload) => {
        try {
          return (await codec.decode([payload], context)).map(withoutReason);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          const told = error.message.startsWith(error.code) ? error.message : `${error.code}: ${error.message}`;
          if (context?.type !== 'workflow') throw new CodecError(error.code, told);
          return [withReason(payload, told)];
        }
      });
      return (await Promise.all(decoded)).flat();
    },
  };
}
