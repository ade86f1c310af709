// jsforce as its users call it, and again without its result parser.
import { fileURLToPath } from 'node:url';
import { install } from '../../test/peers/jsforce/client.mjs';
import { run } from '../processes.mjs';
import { TOKEN } from '../stub/start.mjs';

const program = fileURLToPath(new URL('jsforce-load.mjs', import.meta.url));

function client(name, raw) {
  return {
    name,
    folder: 'jsforce',
    version: install,
    async load({ place, url, parts, pollMs, parallel }) {
      const input = JSON.stringify({ place, url, token: TOKEN, parts, pollMs, parallel, raw });
      return JSON.parse((await run(process.execPath, [program], { input })).out);
    },
  };
}

export const parsed = client('jsforce', false);
export const unparsed = client('jsforce, unparsed', true);
