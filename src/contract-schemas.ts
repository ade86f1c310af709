/** Where the JSON Schemas are that describe the contract to other languages: import or resolve these names. */
export const SCHEMAS = {
  input: 'nightload/schemas/bulk-load-input.schema.json',
  result: 'nightload/schemas/bulk-load-result.schema.json',
} as const;
