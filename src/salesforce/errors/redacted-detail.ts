/**
 * Cleans external text for a file next to the results: short, on one line, without anything that is a secret or hides
 * one. A server that repeats a request may have encoded it, so a text that contains a piece of a secret in any usual
 * form is omitted completely.
 */
import { plainText } from '../../domain/text/plain-text.js';
import { SESSION_ID, withoutSecrets } from './without-secrets.js';

const MAX_DETAIL = 1_000;
/** Anything beyond is neither checked nor shown. */
const MAX_JUDGED = 16 * 1024;
/** This many characters of a secret in a row are no coincidence. */
const PIECE = 10;
/** Shorter secrets are only replaced literally: they may be part of any word. */
const MIN = 8;
const MAX_DEPTH = 2;

const LEFT_OUT = '[omitted: it contained a secret]';
/** No sentence contains this: it is a key, or data. */
const OPAQUE = /[A-Za-z0-9+=_\-.!%&;#\\]{32,}/g;

/** @param secrets that were sent with the request */
export function detailOf(text: string, secrets: readonly string[] = []): string {
  const judged = text.slice(0, MAX_JUDGED);
  const clean = withoutSecrets(judged, secrets);
  if (hidesSecret(clean, secrets)) return LEFT_OUT;
  return plainText(
    clean.replace(OPAQUE, (run) => (isOpaque(run) ? '[…]' : run)),
    MAX_DETAIL,
  );
}

function isOpaque(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run);
}

function hidesSecret(text: string, secrets: readonly string[]): boolean {
  const forms = formsOf(text);
  if (forms.some((form) => new RegExp(SESSION_ID.source).test(form))) return true;
  for (const secret of secrets.map(hiddenPart)) {
    for (const [of, pieces] of [
      [(form: string) => form, piecesOf(secret)],
      // Split into groups by any separator.
      [letters, piecesOf(letters(secret))],
    ] as const) {
      if (pieces.size > 0 && forms.some((form) => hasPiece(of(form), pieces))) return true;
    }
  }
  return false;
}

/** A token begins with the id of its org, which is not secret and appears in many texts. */
function hiddenPart(secret: string): string {
  const rest = secret.slice(secret.indexOf('!') + 1);
  return rest.length >= MIN ? rest : secret;
}

function letters(text: string): string {
  return text.replace(/[^A-Za-z0-9]+/g, '');
}

function piecesOf(secret: string): Set<string> {
  const pieces = new Set<string>();
  if (secret.length < MIN) return pieces;
  const size = Math.min(PIECE, secret.length);
  for (let at = 0; at + size <= secret.length; at++) pieces.add(secret.slice(at, at + size));
  return pieces;
}

function hasPiece(text: string, pieces: ReadonlySet<string>): boolean {
  const [first = ''] = pieces;
  const size = first.length;
  for (let at = 0; at + size <= text.length; at++) if (pieces.has(text.slice(at, at + size))) return true;
  return false;
}

/** The text, and its content after one or two usual encodings are undone. */
function formsOf(text: string): string[] {
  const forms = new Set([text]);
  let last = [text];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const next = new Set<string>();
    for (const form of last) {
      for (const undo of [unfolded, unescaped, fromBase64, fromHex]) {
        const undone = undo(form);
        if (undone !== '' && !forms.has(undone)) next.add(undone);
      }
    }
    for (const form of next) forms.add(form);
    last = [...next];
  }
  return [...forms];
}

/** Joins folded lines, including soft line breaks of quoted-printable. */
function unfolded(text: string): string {
  return text.replace(/=\r?\n/g, '').replace(/[\p{Cc}\p{Cf}\p{Z}]+/gu, '');
}

const ENTITIES: Record<string, string> = {
  amp: '&',
  excl: '!',
  period: '.',
  lowbar: '_',
  plus: '+',
  sol: '/',
  equals: '=',
};

/** Undoes percent encoding, quoted-printable, HTML entities, and escapes of JSON and of programs, all at once. */
function unescaped(text: string): string {
  const character = (code: string, radix: number): string => {
    const number = parseInt(code, radix);
    return number <= 0x10ffff ? String.fromCodePoint(number) : '';
  };
  return text
    .replace(/&(amp|excl|period|lowbar|plus|sol|equals);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? '')
    .replace(/&#x([0-9a-f]{1,6});?/gi, (_, code: string) => character(code, 16))
    .replace(/&#(\d{1,7});?/g, (_, code: string) => character(code, 10))
    .replace(/\\u\{([0-9a-f]{1,6})\}/gi, (_, code: string) => character(code, 16))
    .replace(/\\(?:u00|x)([0-9a-f]{2})/gi, (_, code: string) => character(code, 16))
    .replace(/[%=]([0-9a-f]{2})/gi, (_, code: string) => character(code, 16))
    .replace(/\\/g, '');
}

/** Decodes all runs from each offset at which a group of four characters may begin. */
function fromBase64(text: string): string {
  const runs = text.match(/[A-Za-z0-9+/_-]{16,}/g) ?? [];
  return runs
    .flatMap((run) => [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), 'base64').toString('latin1')))
    .join('\n');
}

function fromHex(text: string): string {
  const runs = text.match(/[0-9a-f]{16,}/gi) ?? [];
  return runs.flatMap((run) => [0, 1].map((skip) => Buffer.from(run.slice(skip), 'hex').toString('latin1'))).join('\n');
}
