/** Values that nobody knows: of a record that is only assumed to exist. */

export class UnknownValue extends Error {
  readonly field: string;

  constructor(field: string) {
    super(`the value of ${field} is unknown`);
    this.field = field;
  }
}

/**
 * AND and OR, where a single value may decide although others are unknown.
 * @param decisive the result of one that decides: false for AND, true for OR
 * @throws UnknownValue if none decides and one is unknown
 */
export function decided<Env>(runs: readonly ((env: Env) => boolean)[], env: Env, decisive: boolean): boolean {
  let unknown: UnknownValue | undefined;
  for (const run of runs) {
    try {
      if (run(env) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof UnknownValue)) throw error;
      unknown ??= error;
    }
  }
  if (unknown !== undefined) throw unknown;
  return !decisive;
}
