/** Reads payloads that a client finds in Temporal's own records with its codecs, or reports them as unreadable. */
import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { DataConverter, Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import type { LoadError } from '../contract/load-result.js';
import { NightloadError } from '../errors.js';
import { asCodecError, CodecError, damaged } from './codec-error.js';
import { defined } from '../domain/defined.js';

/** @throws CodecError */
export async function readPayload<T>(client: Client, payload: Payload, workflowId: string): Promise<T> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  const context = { type: 'workflow', namespace: client.options.namespace, workflowId } as const;
  try {
    return payloadConverter.fromPayload<T>(await decoded(payloadCodecs, payload, context), context);
  } catch (error) {
    throw asCodecError(error);
  }
}

async function decoded(
  codecs: readonly PayloadCodec[],
  payload: Payload,
  context: SerializationContext | undefined,
): Promise<Payload> {
  let [found] = [payload];
  for (const codec of codecs.toReversed()) found = (await codec.decode([found], context))[0] ?? found;
  return found;
}

interface FailureWords {
  message?: string | null;
  encodedAttributes?: Payload | null;
}

/** The message of a failure, even if it is encrypted. */
export async function failureMessage(
  client: Client,
  failure: FailureWords | null | undefined,
  workflowId: string,
): Promise<string> {
  const encoded = failure?.encodedAttributes;
  if (!encoded) return failure?.message ?? '';
  try {
    const found = await readPayload<unknown>(client, encoded, workflowId);
    const { message } = (found ?? {}) as { message?: unknown };
    return typeof message === 'string' ? message : '';
  } catch (error) {
    return `its message is encrypted (${error instanceof NightloadError ? error.code : 'UNEXPECTED'})`;
  }
}

/** One field of a memo that is not decoded yet; a value that cannot be read is an error. */
export async function readField(
  client: Client,
  fields: Record<string, Payload> | null | undefined,
  { key, workflowId }: { key: string; workflowId: string },
): Promise<{ value?: unknown; error?: CodecError }> {
  const payload = fields && Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (payload === undefined) return {};
  try {
    return { value: await readPayload<unknown>(client, payload, workflowId) };
  } catch (error) {
    return { error: error instanceof CodecError ? error : damaged('it cannot be decoded', error) };
  }
}

/** Unique to this process, so that no other value equals it. */
const UNREADABLE = `nightload:unreadable:${randomUUID()}`;
const tolerant = new WeakMap<Client, Client>();

/** The same client, but an unreadable value does not fail the call: it is replaced by a marker (`unreadable`). */
export function tolerantClient(client: Client): Client {
  const known = tolerant.get(client);
  if (known !== undefined) return known;
  const { loadedDataConverter, namespace, identity, interceptors } = client.options;
  const { payloadCodecs, payloadConverter } = loadedDataConverter;
  const codec: PayloadCodec = {
    encode: async (payloads, context) => {
      let found = payloads;
      for (const one of payloadCodecs) found = await one.encode(found, context);
      return found;
    },
    decode: (payloads, context) =>
      Promise.all(
        payloads.map(async (payload) => {
          try {
            const found = await decoded(payloadCodecs, payload, context);
            payloadConverter.fromPayload(found, context);
            return found;
          } catch (error) {
            return standIn(asCodecError(error));
          }
        }),
      ),
  };
  const made = new Client({
    connection: client.connection,
    namespace,
    identity,
    ...defined({ interceptors }),
    // The SDK also accepts a loaded one.
    dataConverter: { ...loadedDataConverter, payloadCodecs: [codec] } as DataConverter,
  });
  tolerant.set(client, made);
  return made;
}

function standIn(error: unknown): Payload {
  const { code, message } =
    error instanceof NightloadError ? error : { code: 'CODEC_PAYLOAD_DAMAGED', message: 'It is unreadable.' };
  const value = { [UNREADABLE]: { code, message } satisfies LoadError };
  return defaultPayloadConverter.toPayload(value) as Payload;
}

/** Why a value from a tolerant client is missing. */
export function unreadable(value: unknown): CodecError | undefined {
  if (typeof value !== 'object' || value === null || !(UNREADABLE in value)) return undefined;
  const { code, message } = (value as Record<string, LoadError>)[UNREADABLE] as LoadError;
  return new CodecError(code, message);
}
