/**
 * Checks before every step that the right workflow type called it, with an input of the right shape. Anyone who may
 * start workflows can call an activity with any input.
 */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { z } from 'zod';
import { plainText } from '../domain/text/plain-text.js';
import type { ActivityDependencies } from './dependencies.js';

/** Makes every field required, so that types which differ only in optional fields differ. */
type Whole<T> = T extends readonly (infer Item)[]
  ? Whole<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }
    : T;

/**
 * A schema that lacks a field of the input would silently drop the field. In that case the compiler requires this
 * argument.
 */
export type Complete<S, I> = Whole<S> extends Whole<I> ? [] : ['the schema lacks a field of the input'];

const MAX_REPEATED = 200;

interface Step<S extends I, I, O> {
  /** Workflow types that may call it. */
  callers: readonly string[];
  schema: z.ZodType<S>;
  activity: (input: I) => Promise<O>;
}

export function checked<S extends I, I, O>(
  { admit }: Pick<ActivityDependencies, 'admit'>,
  { callers, schema, activity }: Step<S, I, O>,
  ..._complete: Complete<S, I>
): (input: I) => Promise<O> {
  return async (given) => {
    const input = schema.safeParse(given);
    if (!input.success) throw refusal(input.error);
    await admit?.(Context.current().info, callers);
    return activity(input.data);
  };
}

/** Names the field, but does not repeat its value. */
function refusal({ issues }: z.ZodError): ApplicationFailure {
  const [issue] = issues;
  const where = issue?.path.map(String).join('.') ?? '';
  const what = plainText(`${where === '' ? 'it' : `"${where}"`} ${issue?.message ?? 'is unknown'}`, MAX_REPEATED);
  return ApplicationFailure.nonRetryable(
    `The input of ${Context.current().info.activityType} is invalid: ${what}`,
    'INVALID_STEP_INPUT',
  );
}
