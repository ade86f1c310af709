import { fileURLToPath } from 'node:url';
import { install } from '../../test/peers/simple-salesforce/client.mjs';
import { PART_ROWS } from '../data.mjs';
import { run } from '../processes.mjs';
import { TOKEN } from '../stub/start.mjs';

export const name = 'simple-salesforce';
export const folder = 'simple-salesforce';
export const version = install;

/** It splits the file itself, and sends one part after the other. */
export async function load({ place, url, source, pollMs }) {
  const program = fileURLToPath(new URL('simple_salesforce_load.py', import.meta.url));
  const input = JSON.stringify({ url, token: TOKEN, source, pollMs, partRows: PART_ROWS });
  return JSON.parse((await run(`${place}venv/bin/python`, [program], { input })).out);
}
