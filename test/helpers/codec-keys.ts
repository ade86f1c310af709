/** Creates keys for tests. */
import { randomBytes } from 'node:crypto';

export interface TestKeys {
  /** `NIGHTLOAD_CODEC_KEYS` and the variables that it names. */
  env: Record<string, string>;
  values: string[];
}

/** Environment with keys of these names; within one call of `keyRing`, a name always has the same bytes. */
export function keyRing(): (active: string, ...others: string[]) => TestKeys {
  const made = new Map<string, string>();
  const valueOf = (id: string): string => {
    const value = made.get(id) ?? randomBytes(32).toString('base64');
    made.set(id, value);
    return value;
  };
  return (active, ...others) => {
    const ids = [active, ...others];
    const variable = (id: string): string => `TEST_KEY_${id.toUpperCase()}`;
    return {
      values: ids.map(valueOf),
      env: {
        NIGHTLOAD_CODEC_KEYS: JSON.stringify({
          active,
          keys: Object.fromEntries(ids.map((id) => [id, `env:${variable(id)}`])),
        }),
        ...Object.fromEntries(ids.map((id) => [variable(id), valueOf(id)])),
      },
    };
  };
}
