import { fileURLToPath } from 'node:url';
import { fetch } from 'undici';
import { start } from '../processes.mjs';

export const TOKEN = '00Dn00000000001!bench';

/** Starts the stub in a process of its own. */
export async function startStub() {
  const program = fileURLToPath(new URL('server.mjs', import.meta.url));
  const { said, stop } = await start(process.execPath, [program], /http:\S+/);
  const [url] = said;
  /** Sets how it behaves; gives the requests and the processor time since it was last asked, and forgets its jobs. */
  const ask = async (settings = {}) => {
    const reply = await fetch(`${url}/__bench`, { method: 'POST', body: JSON.stringify(settings) });
    return reply.json();
  };
  return { url, ask, stop };
}
