/**
 * Sends a message by SMTP. The server must accept the login, the sender and a recipient before the caller notes the
 * message as sent: until then a repetition is harmless.
 */
import { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { count } from '../../domain/text/format.js';
import { Deadline } from '../../runtime/deadline.js';
import { isLoopback } from '../../runtime/proxy.js';
import { mailServerOf } from '../addresses.js';
import type { MailServer } from '../addresses.js';
import { mailContent, mailId } from '../formats/mail.js';
import { messageText } from '../message-text.js';
import type { NotifyMessage } from '../../contract/notification.js';
import type { SendOptions, Sender } from '../sending.js';
import type { EmailTarget } from '../settings.js';
import { smtpError } from './smtp-error.js';
import { tunnelTo } from './smtp-tunnel.js';

/** Milliseconds: for the whole conversation, without the caller's note. */
const WHOLE_TIMEOUT = 60_000;
const CONNECT_TIMEOUT = 10_000;
/** nodemailer's code for a connection that the server closed. */
const CLOSED = 'ECONNECTION';
/** Bytes of one reply. */
const MAX_REPLY = 65_536;

export const sendByEmail: Sender<EmailTarget> = async (target, message, options) => {
  options.signal?.throwIfAborted();
  const { timeout = WHOLE_TIMEOUT } = options;
  const server = mailServerOf(target.smtp, 'The address of the mail server');
  const mail = await compose(target, message, options.isTest === true);
  const deadline = new Deadline(timeout, options.signal);
  const state = { isSending: false, refusal: undefined as { error: unknown } | undefined };
  try {
    const connection = await connect(server, deadline.signal);
    try {
      // Read by the connection once the server is ready for the mail itself.
      const content = Readable.from(noted(mail, options, { deadline, state }));
      return { ...(await deliver(connection, target, content, deadline.signal)) };
    } finally {
      connection.close();
    }
  } catch (error) {
    if (state.refusal !== undefined) throw state.refusal.error;
    options.signal?.throwIfAborted();
    throw smtpError(deadline.reason ?? error, state.isSending);
  } finally {
    deadline.end();
  }
};

async function* noted(
  mail: Buffer,
  { aboutToSend, timeout = WHOLE_TIMEOUT }: SendOptions,
  { deadline, state }: { deadline: Deadline; state: { isSending: boolean; refusal: { error: unknown } | undefined } },
): AsyncGenerator<Buffer> {
  deadline.pause();
  try {
    await aboutToSend();
  } catch (error) {
    state.refusal = { error };
    // Not the error itself: nodemailer writes its own code into it.
    throw new Error('not noted', { cause: error });
  }
  deadline.restart(timeout);
  state.isSending = true;
  yield mail;
}

async function compose({ from, to }: EmailTarget, message: NotifyMessage, isTest: boolean): Promise<Buffer> {
  const composer = new MailComposer({
    from: { name: 'nightload', address: from },
    to: to.map((address) => ({ name: '', address })),
    ...mailContent(messageText(message, isTest)),
    messageId: mailId(message, from),
    date: new Date(Number.isFinite(Date.parse(message.at)) ? message.at : 0),
    headers: {
      // So that no absence note answers.
      'Auto-Submitted': 'auto-generated',
      'X-Nightload-Event': message.event,
    },
    // Nothing in the settings names a file or an address to read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return new Promise((resolve, reject) => {
    composer.compile().build((error, built) => (error ? reject(error) : resolve(built as Buffer)));
  });
}

/** Connected, encrypted unless the server is this machine, and logged in. */
async function connect(server: MailServer, signal: AbortSignal): Promise<SMTPConnection> {
  const { host, port, isTls, user, password } = server;
  const isLocal = isLoopback(host) || host === '::1';
  const tunnel = await tunnelTo(server, CONNECT_TIMEOUT);
  const connection = new SMTPConnection({
    host,
    port,
    secure: isTls,
    requireTLS: !isTls && !isLocal,
    ignoreTLS: !isTls && isLocal,
    connectionTimeout: CONNECT_TIMEOUT,
    greetingTimeout: WHOLE_TIMEOUT,
    socketTimeout: WHOLE_TIMEOUT,
    dnsTimeout: CONNECT_TIMEOUT,
    socketCloseTimeout: 0,
    maxResponseSize: MAX_REPLY,
    ...(tunnel !== undefined && { connection: tunnel }),
  });
  try {
    await step(connection, signal, (done) => connection.connect(done));
    if (user !== undefined) {
      await step(connection, signal, (done) => connection.login({ user, pass: password ?? '' }, done));
    }
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function deliver(
  connection: SMTPConnection,
  { from, to }: EmailTarget,
  content: Readable,
  signal: AbortSignal,
): Promise<{ warning?: string }> {
  let refused = 0;
  await step(connection, signal, (done) =>
    connection.send({ from, to: [...to] }, content, (error, sent) => {
      refused = sent?.rejected?.length ?? 0;
      done(error ?? undefined);
    }),
  );
  return refused === 0
    ? {}
    : {
        warning: `The mail server refused ${count(refused)} of ${count(to.length)} recipients. Check their addresses.`,
      };
}

/** One step of the conversation. A broken connection may be reported by an event only. */
async function step(
  connection: SMTPConnection,
  signal: AbortSignal,
  begin: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  signal.throwIfAborted();
  const ends = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => reject(error as Error);
      signal.addEventListener('abort', () => fail(signal.reason), { signal: ends.signal });
      connection.once('error', fail);
      // After a 421 the callback has the reply, a moment later.
      connection.once('end', () => setImmediate(fail, Object.assign(new Error('closed'), { code: CLOSED })));
      begin((error) => (error ? reject(error) : resolve()));
    });
  } finally {
    ends.abort();
    connection.removeAllListeners('error').removeAllListeners('end');
    // An error without a reader would end the process.
    connection.on('error', () => undefined);
  }
}
