/** The JSON Schemas of the files of an org's folder, for editors and other tools. */
import { OBJECT_FILE } from './object-file.js';
import { ORG_FILE } from './org-file.js';
import type { JsonSchema } from './shape.js';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** By name of the file in `schemas/`. */
export function orgFolderSchemas(): Record<string, JsonSchema> {
  return {
    'simulated-org.schema.json': {
      $schema: DRAFT,
      title: 'org.json of a simulated org',
      description: 'What is true of the whole org: nightload simulator --org FOLDER.',
      ...ORG_FILE.json,
    },
    'simulated-object.schema.json': {
      $schema: DRAFT,
      title: 'objects/<ApiName>.json of a simulated org',
      description: 'One object: its describe, rules, speed and history. A describe alone is accepted too.',
      ...OBJECT_FILE.json,
    },
  };
}
