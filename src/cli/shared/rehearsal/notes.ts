/** What a rehearsal of a load cannot know, said before it starts. */
import { join } from 'node:path';
import { z } from 'zod';
import type { LoadOptions } from '../input/load-options.js';
import { readFolderFile } from './folder-file.js';

const OBJECT = z.object({ validationRules: z.unknown().optional() });
const ORG = z.object({ captured: z.object({ parts: z.record(z.string(), z.unknown()).optional() }).optional() });

/** @param org the folder that describes it; a mistake in it is somebody else's to report */
export async function rehearsalNotes(
  org: string,
  { object, operation, externalId }: Pick<LoadOptions, 'object' | 'operation' | 'externalId'>,
  seeds: Readonly<Record<string, string>>,
): Promise<string[]> {
  const [file, settings] = await Promise.all([
    readFolderFile(join(org, 'objects', `${object}.json`), OBJECT),
    readFolderFile(join(org, 'org.json'), ORG),
  ]);
  const isCaptured = settings?.captured?.parts?.[object] !== undefined;
  const isSeeded = Object.keys(seeds).some((name) => name.toLowerCase() === object.toLowerCase());
  const isByKey = operation === 'upsert' && externalId !== undefined && externalId.toLowerCase() !== 'id';
  return [
    ...(file !== undefined && file.validationRules === undefined && !isCaptured
      ? [`The folder has no validation rules of ${object}: none is rehearsed.`]
      : []),
    ...(isByKey && !isSeeded
      ? [
          `All rows count as new records of ${object}: --seed-records ${object}=FILE.csv gives the org those that exist already.`,
        ]
      : []),
  ];
}
