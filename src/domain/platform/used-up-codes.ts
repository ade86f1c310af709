/** Codes of refusals that end by themselves as the rolling 24-hour window advances. */
export const USED_UP_CODES: readonly string[] = ['EXCEEDED_QUOTA', 'REQUEST_LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'];
