/**
 * What a load waits for that continues an earlier run: the check of its caller, which is made before every step. The
 * step itself does nothing. Without it, a forged state could be handed on by a run that has made no step, and the run
 * after that would have an earlier run of the right type.
 */
export function checkEarlierRun(): (input: object) => Promise<void> {
  return () => Promise.resolve();
}
