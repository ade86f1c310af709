/** The platform's limits for one record of an ingest job. */
export const MAX_FIELD_CHARACTERS = 131_072;
export const MAX_RECORD_CHARACTERS = 400_000;
export const MAX_FIELDS = 5_000;
