/** Places in a settings file, for messages about them. Pure. */

/** `connections.emea.allocation.reserve`; `connections["a b"]` for names with other characters. */
export function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => String(key))
    .map((key, i) => (/^[\w-]+$/u.test(key) ? `${i === 0 ? '' : '.'}${key}` : `[${JSON.stringify(key)}]`))
    .join('');
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
