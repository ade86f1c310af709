// `node scripts/wasm/build.mjs`: compiles marks.wat into src/csv/marks-wasm.ts, where the program finds it without
// reading a file. Run it after each change of marks.wat; a test tells when it was forgotten.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = new URL('marks.wat', import.meta.url);

/** @returns the text of src/csv/marks-wasm.ts */
export async function generated() {
  const wat = await readFile(source, 'utf8');
  const module = (await wabt()).parseWat(fileURLToPath(source), wat);
  module.validate();
  const wasm = Buffer.from(module.toBinary({}).buffer).toString('base64');
  return `/** Made by scripts/wasm/build.mjs of scripts/wasm/marks.wat; change that, not this. */
export const SOURCE_SHA256 = '${createHash('sha256').update(wat).digest('hex')}';
export const WASM =
  '${wasm}';
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL('../../src/csv/marks-wasm.ts', import.meta.url), await generated());
}
