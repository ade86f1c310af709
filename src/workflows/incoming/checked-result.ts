/**
 * Results of activities as workflows may read them. A client that completes an activity in a worker's place can answer
 * with anything. `sound-payloads.ts` has what no result may contain, also that of an activity that is not nightload's.
 */
import { ActivityFailure, ApplicationFailure, RetryState } from '@temporalio/common';
import type { z } from 'zod';
import type { Activities } from '../../activities/index.js';
import { INVALID_RESULT } from '../../domain/failures.js';
import { shown } from '../../domain/text/shown.js';
import { ACTIVITY_RESULTS } from '../../protocol/activities/activity-results.js';

type Results = typeof ACTIVITY_RESULTS;
type ResultOf<N extends keyof Activities> = Awaited<ReturnType<Activities[N]>>;

/** Every field is there: of two types with the same fields, each extends the other. */
type Whole<T> = T extends readonly (infer E)[]
  ? Whole<E>[]
  : T extends object
    ? { [K in keyof T]-?: Whole<T[K]> }
    : T extends null | undefined | void
      ? null
      : T extends string
        ? string
        : T;
type Same<A, B> = [Whole<A>, Whole<B>] extends [Whole<B>, Whole<A>] ? unknown : never;

/** Checked by the compiler: a field that is missing in a schema would be missing in the workflow. */
const SCHEMAS: {
  [N in keyof Activities]: Same<z.infer<Results[N]>, ResultOf<N>> & z.ZodType<ResultOf<N> | null | undefined>;
} = ACTIVITY_RESULTS;

/**
 * The result of one of nightload's activities, without fields that it does not have; results of others as they are.
 * @throws ActivityFailure with the cause `INVALID_ACTIVITY_RESULT`
 */
export function checkedResult(activity: string, result: unknown): unknown {
  if (!Object.hasOwn(SCHEMAS, activity)) return result;
  const { data, error } = (SCHEMAS[activity as keyof typeof SCHEMAS] as z.ZodType).safeParse(result);
  if (error === undefined) return data;
  const where = shown(error.issues[0]?.path.join('.') ?? '');
  const message = `The result of ${activity} has no valid ${where}. Another client may have completed it in the worker's place.`;
  throw new ActivityFailure(
    'Activity task failed',
    activity,
    undefined,
    RetryState.NON_RETRYABLE_FAILURE,
    undefined,
    ApplicationFailure.nonRetryable(message, INVALID_RESULT),
  );
}
