/** Patterns of names that people write: `*` for any text, `?` for one character. Pure, in time that grows with both. */

/** Whether the whole text fits. */
export function matchesPattern(text: string, pattern: string): boolean {
  let [at, p] = [0, 0];
  /** After the last `*`, and where its text would end. */
  let [star, from] = [-1, 0];
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = ++p;
      from = at;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      p++;
      at++;
    } else if (star >= 0) {
      // The last `*` takes one more character.
      p = star;
      at = ++from;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
