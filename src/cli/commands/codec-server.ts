/** `nightload codec-server`. */
import { codecKeysFrom } from '../../codec/codec-keys.js';
import { startCodecServer } from '../../codec/codec-server.js';
import { NightloadError } from '../../errors.js';
import { say } from '../shared/output.js';
import { interrupted } from '../shared/services/start-services.js';
import { defined } from '../../domain/defined.js';

export interface CodecServerCommand {
  port: number;
  host: string;
  allowOrigin?: string;
  ui?: string;
  name?: string[];
  withoutToken?: boolean;
  encode?: boolean;
}

/** UI address of `nightload dev` and Temporal's own dev server. */
const DEFAULT_UI = 'http://127.0.0.1:8233';

export async function codecServer(command: CodecServerCommand): Promise<number> {
  const { allowOrigin = command.ui ?? DEFAULT_UI, name: names = [], ...options } = command;
  const keys = codecKeysFrom(process.env);
  if (keys === undefined) {
    throw new NightloadError(
      'CODEC_KEYS_INVALID',
      'NIGHTLOAD_CODEC_KEYS is not set, so there are no keys to decrypt with. Set it as for the workers.',
    );
  }
  const token = process.env['NIGHTLOAD_CODEC_SERVER_TOKEN'] || undefined;
  const server = await startCodecServer({
    ...options,
    keys,
    allowOrigin,
    names,
    ...defined({ token }),
  });
  say(
    `Codec server at ${server.url}, for the Temporal UI at ${allowOrigin}; keys ${[...keys.keys.keys()].join(', ')}.`,
  );
  say(`In the UI: the glasses icon at the top right, "Remote Codec Endpoint": ${server.url}`);
  await interrupted();
  await server.close();
  return 0;
}
