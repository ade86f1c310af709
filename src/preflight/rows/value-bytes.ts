/** Bytes that the grammars of values are made of, and the type of a grammar. */
export const ZERO = 0x30;
export const NINE = 0x39;
const PLUS = 0x2b;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const COLON = 0x3a;
export const CAPITAL_T = 0x54;
export const CAPITAL_Z = 0x5a;

/** Whether a value has the form of its type. */
export type Shape = (bytes: Buffer, from: number, to: number) => boolean;

export function isSign(byte: number | undefined): boolean {
  return byte === MINUS || byte === PLUS;
}
