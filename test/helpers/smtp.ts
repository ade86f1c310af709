/** A mail server on loopback for tests, which keeps what it receives. */
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';

interface Mail {
  from: string;
  to: string[];
  text: string;
}

export interface MailServer {
  port: number;
  mails: Mail[];
}

/** @param host to listen on */
export async function startMailServer(options: SMTPServerOptions = {}, host = '127.0.0.1'): Promise<MailServer> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    // No waiting for clients that are already gone.
    closeTimeout: 100,
    onData: (stream, session, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        // A client that breaks off ends the stream too.
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : (mailFrom?.address ?? ''),
          to: rcptTo.map(({ address }) => address),
          text,
        });
        done();
      });
    },
    ...options,
  });
  // Broken connections are what some tests are about.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => void server.listen(0, host, resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { port: (server.server.address() as { port: number }).port, mails };
}

/** An error that the server answers with this status. */
export function smtpStatus(responseCode: number, text = 'no'): Error {
  return Object.assign(new Error(text), { responseCode });
}
