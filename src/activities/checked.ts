/**
 * What stands before every step: it is called by the workflow that it is a step of, and with an input of the shape that
 * it takes. Anybody who may start workflows may have an activity called with anything.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { z } from 'zod';
import { plainText } from '../plain-text.js';
import type { ActivityDependencies } from './dependencies.js';

/** With every field required: two types that differ in a field that may be missing differ in this. */
type Whole<T> = T extends readonly (infer Item)[]
  ? Whole<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }
    : T;

/** A schema that lacks a field of the input would drop it in silence: then the compiler asks for this argument. */
export type Complete<S, I> = Whole<S> extends Whole<I> ? [] : ['the schema lacks a field of the input'];

const MAX_REPEATED = 200;

/** @param callers workflow types whose step it is */
export function checked<S extends I, I, O>(
  { admit }: Pick<ActivityDependencies, 'admit'>,
  callers: readonly string[],
  schema: z.ZodType<S>,
  activity: (input: I) => Promise<O>,
  ..._complete: Complete<S, I>
): (input: I) => Promise<O> {
  return async (given) => {
    const input = schema.safeParse(given);
    if (!input.success) throw refusal(input.error);
    await admit?.(Context.current().info, callers);
    return activity(input.data);
  };
}

/** Values are not repeated, only where they stand. */
function refusal({ issues }: z.ZodError): ApplicationFailure {
  const [issue] = issues;
  const where = issue?.path.map(String).join('.') ?? '';
  const what = plainText(`${where === '' ? 'it' : `"${where}"`} ${issue?.message ?? 'is not known'}`, MAX_REPEATED);
  return ApplicationFailure.nonRetryable(
    `The input of ${Context.current().info.activityType} is not what it takes: ${what}`,
    'INVALID_STEP_INPUT',
  );
}
