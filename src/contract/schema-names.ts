/** Names of the JSON Schemas that describe the contract to other languages: import or resolve them. */
export const SCHEMAS = {
  input: 'nightload/schemas/bulk-load-input.schema.json',
  result: 'nightload/schemas/bulk-load-result.schema.json',
} as const;
