/** Reads a JSON file of limited size; its errors name the file, and the line or the key. */
import { open } from 'node:fs/promises';
import { Mistake } from './shape.js';
import type { Shape } from './shape.js';

/** An error about a folder, for the person who wrote it. */
export class OrgFolderError extends Error {}

export async function readJsonFile(path: string, maxBytes: number): Promise<unknown> {
  const text = await readText(path, maxBytes);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const { line, column, message } = syntaxError(text);
    throw new OrgFolderError(`${path}, line ${line}, column ${column}: ${message}`);
  }
}

async function readText(path: string, maxBytes: number): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new OrgFolderError(`${path}: ${error.code === 'ENOENT' ? 'no such file' : `cannot be read (${error.code})`}`);
  });
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new OrgFolderError(`${path}: is not a file`);
    if (info.size > maxBytes) throw new OrgFolderError(`${path}: has ${info.size} bytes, the maximum is ${maxBytes}`);
    const bytes = await file.readFile();
    // Written by some editors; it is not part of the JSON.
    return new TextDecoder('utf-8').decode(bytes);
  } finally {
    await file.close();
  }
}

/** @throws OrgFolderError with the file and the JSON path of a mistake */
export function checkFile(path: string, value: unknown, shape: Shape): void {
  inFile(path, () => shape.check(value, '$'));
}

/** Adds the file to a mistake. */
export function inFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Mistake) throw new OrgFolderError(`${path}: ${error.at} ${error.message}`);
    throw error;
  }
}

const MAX_DEPTH = 500;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class SyntaxMistake extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Where a text stops being JSON: the messages of JSON.parse do not always contain the position. */
export function syntaxError(text: string): { line: number; column: number; message: string } {
  let offset = text.length;
  let message = 'invalid JSON';
  try {
    const end = skipBlank(text, skipValue(text, skipBlank(text, 0), 0));
    if (end < text.length) throw new SyntaxMistake(end, 'text after the end of the JSON value');
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error;
    ({ offset, message } = error);
  }
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n'), message };
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}

function skipValue(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new SyntaxMistake(at, `more than ${MAX_DEPTH} levels`);
  const first = text.charAt(at);
  if (first === '{') return skipEntries(text, at, depth, '}');
  if (first === '[') return skipEntries(text, at, depth, ']');
  if (first === '"') return skipString(text, at);
  for (const word of ['true', 'false', 'null']) if (text.startsWith(word, at)) return at + word.length;
  NUMBER.lastIndex = at;
  if (NUMBER.test(text)) return NUMBER.lastIndex;
  throw new SyntaxMistake(at, first === '' ? 'the file ends too early' : `unexpected ${JSON.stringify(first)}`);
}

function skipEntries(text: string, start: number, depth: number, close: string): number {
  let at = skipBlank(text, start + 1);
  if (text.charAt(at) === close) return at + 1;
  for (;;) {
    if (close === '}') {
      if (text.charAt(at) !== '"') throw expected(text, at, 'a name in quotes');
      at = skipBlank(text, skipString(text, at));
      if (text.charAt(at) !== ':') throw expected(text, at, '":"');
      at = skipBlank(text, at + 1);
    }
    at = skipBlank(text, skipValue(text, at, depth + 1));
    if (text.charAt(at) === close) return at + 1;
    if (text.charAt(at) !== ',') throw expected(text, at, `"," or "${close}"`);
    at = skipBlank(text, at + 1);
  }
}

function skipString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const one = text.charAt(at);
    if (one === '"') return at + 1;
    if (one < ' ') throw new SyntaxMistake(at, 'a line break or control character in a string');
    if (one === '\\') at++;
  }
  throw new SyntaxMistake(start, 'a string without its closing quote');
}

function expected(text: string, at: number, what: string): SyntaxMistake {
  const found = text.charAt(at);
  return new SyntaxMistake(
    at,
    `expected ${what}, ${found === '' ? 'but the file ends' : `not ${JSON.stringify(found)}`}`,
  );
}
