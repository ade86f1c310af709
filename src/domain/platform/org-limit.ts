/** One of an org's rolling limits, as Salesforce counts it. */

/** No limit of an org is larger. */
export const MAX_FIGURE = 1e15;

export interface OrgLimit {
  max: number;
  remaining: number;
}
