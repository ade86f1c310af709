/** Data converters for workers and clients: nightload's codec, and failures whose words it encrypts. */
import { fileURLToPath } from 'node:url';
import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { besideLedger, ledgerGuard } from './beside-ledger.js';
import { CodecError } from './codec-error.js';
import { codecKeysFrom } from './codec-keys.js';
import { EncryptionCodec } from './encryption-codec.js';
import { withoutReason, withReason } from '../workflows/unreadable.js';

export const FAILURE_CONVERTER = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url));

/**
 * For `new Client({ dataConverter })` and `Worker.create({ dataConverter })`, from `NIGHTLOAD_CODEC_KEYS`. Without that
 * variable nothing is encrypted.
 * @throws NightloadError `CODEC_KEYS_INVALID`
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

/** What a worker that serves an org's ledger needs beside the codecs that it has. */
export function workerConverter(given: DataConverter = {}): DataConverter {
  const codecs = (given.payloadCodecs ?? []).map((codec) => besideLedger(sayingCodes(codec)));
  return { ...given, payloadCodecs: [ledgerGuard, ...codecs] };
}

/**
 * Of an error that fails a workflow task Temporal keeps the message only. And anybody may have sent a message to a
 * workflow that nobody can decrypt: it is handed to the workflow as it is, with the reason, which tells messages (left
 * out) from what the workflow needs (then its task waits for a worker that has the key).
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
