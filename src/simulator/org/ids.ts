/** Record and job ids: 15 case-sensitive characters, and 3 that make them unique without case. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECK = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
/** After the prefix: the pod and a reserved digit, as in real ids. */
const POD = 'sm00';

export const ORG_ID = withCheck('00Dsm0000000001');
/** The user of the tokens: the first record of its object. */
export const USER_ID = makeId('005', 1);
export const ANOTHER_USER_ID = makeId('005', 2);
/** Path of a user's identity. */
export const identityOf = (userId: string): string => `/id/${ORG_ID}/${userId}`;

export function makeId(prefix: string, n: number): string {
  let rest = '';
  for (let left = n; rest.length < 8; left = Math.floor(left / 62)) rest = DIGITS.charAt(left % 62) + rest;
  return withCheck(`${prefix}${POD}${rest}`);
}

/** The number from which an id of 15 or 18 characters was made; 0 for an id of another kind. */
export function numberOf(prefix: string, id: string): number {
  if (!id.startsWith(`${prefix}${POD}`)) return 0;
  let n = 0;
  for (let i = 7; i < 15; i++) n = n * 62 + DIGITS.indexOf(id.charAt(i));
  return n;
}

/** The 18-character form of a 15-character id. */
export function withCheck(id15: string): string {
  let check = '';
  for (let group = 0; group < 3; group++) {
    let bits = 0;
    for (let i = 0; i < 5; i++) {
      const code = id15.charCodeAt(group * 5 + i);
      if (code >= 65 && code <= 90) bits |= 1 << i;
    }
    check += CHECK.charAt(bits);
  }
  return id15 + check;
}

export function isId(value: string): boolean {
  return /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/.test(value);
}
