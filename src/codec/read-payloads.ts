/** Payloads that a client finds in Temporal's own records: read with its codecs, or named as unreadable. */
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { DataConverter, Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import type { LoadError } from '../contract.js';
import { NightloadError } from '../errors.js';
import { asCodecError, CodecError } from './codec-error.js';

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

/** What a failure says, also where its words are encrypted. */
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
    return `its words are encrypted (${error instanceof NightloadError ? error.code : 'UNEXPECTED'})`;
  }
}

const UNREADABLE = 'nightload:unreadable';
const tolerant = new WeakMap<Client, Client>();

/** The same client; a value that it cannot read does not break the call but stands for itself (`unreadable`). */
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
    ...(interceptors && { interceptors }),
    // The SDK takes one that is loaded already, too.
    dataConverter: { ...loadedDataConverter, payloadCodecs: [codec] } as DataConverter,
  });
  tolerant.set(client, made);
  return made;
}

function standIn(error: unknown): Payload {
  const { code, message } =
    error instanceof NightloadError ? error : { code: 'CODEC_PAYLOAD_DAMAGED', message: 'It cannot be read.' };
  const value = { [UNREADABLE]: { code, message } satisfies LoadError };
  return defaultPayloadConverter.toPayload(value) as Payload;
}

/** Why a value that a tolerant client gave is not there. */
export function unreadable(value: unknown): CodecError | undefined {
  if (typeof value !== 'object' || value === null || !(UNREADABLE in value)) return undefined;
  const { code, message } = value[UNREADABLE] as LoadError;
  return new CodecError(code, message);
}
