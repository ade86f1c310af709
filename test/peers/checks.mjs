import { isDeepStrictEqual } from 'node:util';

const SHOWN = 400;

/** Counts checks, and prints a line for each. */
export class Checks {
  passed = 0;
  failed = 0;
  #client;

  constructor(client) {
    this.#client = client;
  }

  equal(what, got, wanted) {
    if (isDeepStrictEqual(got, wanted)) {
      this.passed++;
      console.log(`ok    ${this.#client}: ${what}`);
    } else {
      this.#fail(`${what}: got ${show(got)}, wanted ${show(wanted)}`);
    }
  }

  /** For long lists: only differences are shown. */
  same(what, got, wanted) {
    const [more, less] = [without(got, wanted), without(wanted, got)];
    this.equal(`${what} (${wanted.length})`, { unexpected: more, missing: less }, { unexpected: [], missing: [] });
  }

  includes(what, text, wanted) {
    if (String(text).includes(wanted)) this.equal(what, true, true);
    else this.equal(what, text, `something with ${wanted}`);
  }

  /** What ended the client's run early. */
  broken(error) {
    this.#fail(`ended early: ${error.stack}`);
  }

  #fail(text) {
    this.failed++;
    console.log(`FAIL  ${this.#client}: ${text}`);
  }
}

/** The difference of two lists with repeats. */
function without(list, other) {
  const count = new Map();
  for (const entry of other) count.set(entry, (count.get(entry) ?? 0) + 1);
  return list.filter((entry) => {
    const left = count.get(entry) ?? 0;
    count.set(entry, left - 1);
    return left <= 0;
  });
}

function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
