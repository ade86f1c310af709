import { access, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { install as installWith, NotInstalled, run } from '../install.mjs';
import { OBJECT, toCsv } from '../rows.mjs';

export const name = 'simple-salesforce';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const pythonOf = (place) => `${place}venv/bin/python`;

export async function install(place) {
  const python = pythonOf(place);
  const isThere = await access(`${place}venv/bin/pip`).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const { code } = await run('python3', ['-c', 'import venv, ensurepip']).catch(() => ({ code: 1 }));
    if (code !== 0) throw new NotInstalled('python3 with venv is missing');
    await installWith('python3', ['-m', 'venv', `${place}venv`], place);
  }
  await installWith(python, ['-m', 'pip', 'install', '--quiet', '-r', here('requirements.txt')], place);
  const { out } = await run(python, ['-c', 'import importlib.metadata as m; print(m.version("simple-salesforce"))']);
  return out.trim();
}

export function connect({ place, files, url, token }) {
  const ask = async (question) => {
    const input = JSON.stringify({ url, token, ...question });
    const { code, out, err } = await run(pythonOf(place), [here('client.py')], { input });
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  };
  return {
    async load({ object, operation, rows, key }) {
      // Inserts as a file, others as records: the library splits and rewrites each in its own way.
      if (operation !== 'insert') return ask({ object, operation, records: rows, key });
      const csv_file = `${files}${operation}.csv`;
      await writeFile(csv_file, toCsv(rows));
      return ask({ object, operation, csv_file });
    },
    results: (job) => ask({ object: OBJECT, job }),
    async more({ object, rows, key }, checks) {
      const { parts } = await ask({ object, operation: 'upsert', records: rows, key, batch_size: 6 });
      checks.equal('in parts: a job for each, rows', parts, [6, 6, 6, 2]);
    },
  };
}
