/** Texts of others for people: one line, without control characters, cut. */

// Control characters, and those that turn the direction of a line.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

export function plainText(text: string, max = 400): string {
  const line = text.replace(UNSEEN, ' ').replace(/ {2,}/g, ' ').trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** What an error says, and what caused it; causes that say the same are left out. */
export function withCauses(error: unknown, max = 600): string {
  const said: string[] = [];
  for (let found = error, depth = 0; found != null && depth < 8; depth++) {
    const text = plainText(found instanceof Error ? found.message : String(found), max);
    if (text !== '' && !said.some((before) => before.includes(text))) said.push(text);
    found = found instanceof Error ? found.cause : undefined;
  }
  return plainText(said.join(': '), max);
}
