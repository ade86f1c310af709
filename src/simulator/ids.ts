/** Record and job ids: 15 characters that tell upper from lower case, and 3 that make them safe without it. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECK = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';

export function makeId(prefix: string, n: number): string {
  let rest = '';
  for (let left = n; rest.length < 12 - 4; left = Math.floor(left / 62)) rest = DIGITS.charAt(left % 62) + rest;
  return withCheck(`${prefix}sm00${rest}`.slice(0, 15));
}

/** The 18-character form of a 15-character id. */
export function withCheck(id15: string): string {
  let check = '';
  for (let group = 0; group < 3; group++) {
    let bits = 0;
    for (let i = 0; i < 5; i++) if (/[A-Z]/.test(id15.charAt(group * 5 + i))) bits |= 1 << i;
    check += CHECK.charAt(bits);
  }
  return id15 + check;
}

export function isId(value: string): boolean {
  return /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/.test(value);
}
