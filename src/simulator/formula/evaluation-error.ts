/** A formula that has no result for this record, such as a division by zero. The platform refuses the record then. */
export class EvaluationError extends Error {}
