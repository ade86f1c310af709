/** Reads a settings file in JSON that may contain secrets: errors never repeat a part of it. */
import { NightloadError } from '../errors.js';
import { fileErrorCode, readPrivately } from './private-file.js';
import type { SecretsMode } from './private-file.js';

export interface FileErrors {
  /** @param code of the file system */
  unreadable(code: string, cause: unknown): NightloadError;
  /** @param trouble a sentence */
  invalid(trouble: string): NightloadError;
}

/** @throws NightloadError `SECRETS_READABLE`, and those of `errors` */
export function readPrivateJson(path: string, mode: SecretsMode, errors: FileErrors): unknown {
  const text = load(path, mode, errors);
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message repeats the text around the error, which may be a secret.
    const at = /at position (\d+)/.exec((error as Error).message)?.[1];
    const before = at === undefined ? [] : text.slice(0, Number(at)).split('\n');
    const place = before.length === 0 ? '' : ` from line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw errors.invalid(`It is not valid JSON${place}. Check for a missing or extra comma or quote.`);
  }
}

function load(path: string, mode: SecretsMode, errors: FileErrors): string {
  try {
    return readPrivately(path, mode).replace(/^\uFEFF/u, '');
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw errors.unreadable(fileErrorCode(error), error);
  }
}
