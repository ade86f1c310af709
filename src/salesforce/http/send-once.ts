/** Sends a request once, with its token: any reply is passed on, and a failure says how much was sent. */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { defined } from '../../domain/defined.js';
import type { OutboundAgent } from '../../runtime/outbound-agent.js';
import { VERSION } from '../../runtime/version.js';
import type { AccessToken } from '../auth/token-source.js';
import { broken } from '../errors/to-salesforce-error.js';
import type { RequestFacts } from '../errors/to-salesforce-error.js';
import { parseDeprecation } from '../resources/version-retirement.js';
import type { Call } from './call.js';
import type { CallContext } from './call-context.js';
import type { Deadline } from '../../runtime/deadline.js';
import { parseLimitInfo } from './limit-info.js';
import { noticeStart } from './request-start.js';
import type { Timeouts } from './timeouts.js';
import { unlessAborted } from './unless-aborted.js';
import { UploadBody } from './upload-body.js';

const CLIENT = `nightload/${VERSION}`;

interface Sending {
  token: AccessToken;
  context: CallContext;
  deadline: Deadline;
  timeouts: Timeouts;
}

export async function sendOnce(
  agent: OutboundAgent,
  call: Call,
  { token, context, deadline, timeouts }: Sending,
): Promise<{ facts: RequestFacts; reply: Dispatcher.ResponseData }> {
  const { signal } = context;
  const body = call.body?.();
  const upload = body?.content instanceof UploadBody ? body.content : undefined;
  // Every accepted chunk counts as progress.
  upload?.onPiece(() => deadline.restart(timeouts.transferReply));
  const facts: RequestFacts = {
    kind: call.kind,
    method: call.method,
    origin: token.instanceUrl,
    path: call.path,
    sent: false,
    incomplete: false,
    secrets: [token.accessToken],
  };
  const client = agent.compose(
    noticeStart(() => {
      if (signal?.aborted) return;
      facts.sent = true;
      context.onRequest?.(call.kind);
    }),
  );
  try {
    const reply = await unlessAborted(
      client.request({
        origin: token.instanceUrl,
        path: call.path,
        method: call.method,
        headers: {
          authorization: `Bearer ${token.accessToken}`,
          accept: call.accept,
          'accept-encoding': 'identity',
          'user-agent': CLIENT,
          // The name of these calls in the org's event logs and limits.
          'sforce-call-options': `client=${CLIENT}`,
          ...defined({ 'content-type': body?.type }),
          ...(upload && { 'content-length': String(upload.length) }),
        },
        // undici accepts any async iterable, but its types allow only streams.
        ...(body && { body: body.content as string | Readable }),
        headersTimeout: call.transfer ? timeouts.transferReply : timeouts.reply,
        signal: deadline.signal,
      }),
      deadline.signal,
    );
    facts.incomplete = upload?.handedOver === false;
    const limits = parseLimitInfo(reply.headers['sforce-limit-info']);
    if (Object.keys(limits).length > 0) context.onLimitInfo?.(limits);
    const deprecation = parseDeprecation(reply.headers['warning'], call.path);
    if (deprecation !== undefined) context.onDeprecation?.(deprecation);
    return { facts, reply };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    facts.incomplete = upload?.handedOver === false;
    // A source that is released in the middle also fails.
    if (deadline.reason !== undefined) throw broken(facts, deadline.reason);
    if (upload?.failure !== undefined) throw upload.failure.error;
    throw broken(facts, error);
  } finally {
    upload?.release();
  }
}
