/** How untrusted values are read and repeated: always with bounded length. Pure, and safe in workflows. */
import { plainText } from './plain-text.js';

/** Maximum length of an accepted text. */
export const MAX_TEXT = 1_000;
/** Maximum length of a repeated, refused value. */
const MAX_REPEATED = 200;

/** A refused value, for the message about it: one line, cut. It is untrusted. */
export function shown(value: unknown): string {
  try {
    // A long text is cut before it is quoted.
    const some = typeof value === 'string' ? value.slice(0, MAX_REPEATED) : value;
    return plainText(JSON.stringify(some) ?? String(some), MAX_REPEATED);
  } catch {
    return `a value that cannot be shown (${typeof value})`;
  }
}

/** For repeated paths: the beginning shows whose it is, the end which file. */
const PATH_BEGIN = 80;

/** A path or URI of any length, for a message about it: the middle is cut. */
export function shownPath(path: string): string {
  if (path.length <= MAX_REPEATED) return path;
  return `${path.slice(0, PATH_BEGIN)}…${path.slice(PATH_BEGIN + 1 - MAX_REPEATED)}`;
}

/** Lone halves of characters: a worker crashes when a string with one becomes a name. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** The same text, cut, with a replacement character for each half character. */
export function wholeText(text: string, most: number): string {
  return text.slice(0, most).replace(LONE_SURROGATES, '\ufffd');
}

/** Whether it is a text of ordinary length, with whole characters. */
export function isText(value: unknown, most = MAX_TEXT): value is string {
  return typeof value === 'string' && value.length <= most && value.search(LONE_SURROGATES) === -1;
}

/** Temporal limits workflow ids and task queue names in bytes. */
const MAX_WORKFLOW_ID_BYTES = 1_000;
const MAX_QUEUE_BYTES = 255;
/** The server keeps these names for itself. */
const RESERVED = /^(?:\/_sys|temporal-sys)/;

export function isWorkflowId(value: unknown): value is string {
  return isText(value) && value !== '' && bytesOf(value) <= MAX_WORKFLOW_ID_BYTES;
}

export function isTaskQueue(value: unknown): value is string {
  return isText(value) && value !== '' && !RESERVED.test(value) && bytesOf(value) <= MAX_QUEUE_BYTES;
}

/** Length in UTF-8. The workflow sandbox has no `Buffer`. */
export function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4;
  }
  return bytes;
}
