/**
 * Pings a monitoring service that raises an alarm when a ping does not come (a dead-man's switch): a GET to an address
 * that is a secret. Of the reply only the status is used.
 */
import { Deadline } from '../../runtime/deadline.js';
import { OutboundAgent } from '../../runtime/outbound-agent.js';
import type { Secret } from '../../runtime/secret.js';
import { webAddressOf } from '../addresses.js';
import { NotifyError } from '../notify-error.js';
import { MAX_HEADERS, MAX_REPLY, refuseUnlessTaken, unreachable } from './http-post.js';

export type HeartbeatSignal = 'start' | 'success' | 'fail';

const WHO = 'The heartbeat service';
/** Milliseconds, for the whole request and its reply. */
const WHOLE_TIMEOUT = 10_000;

interface PingOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds. @default 10 s */
  timeout?: number;
}

/** @throws NotifyError `NOTIFY_UNREACHABLE`, `NOTIFY_UNAVAILABLE`, `NOTIFY_REFUSED`; NightloadError of a bad address */
export async function pingHeartbeat(
  address: Secret,
  kind: HeartbeatSignal,
  { signal, timeout = WHOLE_TIMEOUT }: PingOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const { origin, pathname, search } = webAddressOf(address, "The heartbeat's address");
  const path = kind === 'success' ? pathname : `${pathname.replace(/\/$/, '')}/${kind}`;
  const deadline = new Deadline(timeout, signal);
  const agent = new OutboundAgent({ connectTimeout: timeout, maxHeaderSize: MAX_HEADERS });
  try {
    const reply = await agent.request({ origin, path: `${path}${search}`, method: 'GET', signal: deadline.signal });
    // The status decides; how the rest of the reply ends does not.
    await reply.body.dump({ limit: MAX_REPLY, signal: deadline.signal }).catch(() => undefined);
    refuseUnlessTaken(WHO, reply.statusCode, reply.headers['retry-after']);
  } catch (error) {
    if (error instanceof NotifyError) throw error;
    signal?.throwIfAborted();
    throw unreachable(WHO, deadline.reason ?? error, true);
  } finally {
    deadline.end();
    await agent.destroy();
  }
}
