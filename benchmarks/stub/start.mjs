import { fileURLToPath } from 'node:url';
import { fetch } from 'undici';
import { start } from '../processes.mjs';

export const TOKEN = '00Dn00000000001!bench';

/** Starts the stub in a separate process. */
export async function startStub() {
  const program = fileURLToPath(new URL('server.mjs', import.meta.url));
  const { said, stop } = await start(process.execPath, [program], /http:\S+/);
  const [url] = said;
  /** Changes its settings; returns the requests and the processor time since the last call, and removes its jobs. */
  const ask = async (settings = {}) => {
    const reply = await fetch(`${url}/__bench`, { method: 'POST', body: JSON.stringify(settings) });
    return reply.json();
  };
  return { url, ask, stop };
}
