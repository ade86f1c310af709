/**
 * Schemas of public types. Import `z` itself from zod: a bundler cannot see which parts of a re-exported `z` are used,
 * and would add all of them to the workflows.
 */
import type { z } from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/**
 * Holds a schema and the public type that documents it equal: `exactly<RowFix>()(schema)` compiles only if the schema
 * has each field of the type, of the same kind, and no other.
 */
export const exactly =
  <T>() =>
  <S extends z.ZodType>(
    schema: S,
    ..._same: Same<z.output<S>, T> extends true ? [] : ['the schema differs from the type']
  ): S =>
    schema;
