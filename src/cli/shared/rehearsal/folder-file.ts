/** A file of the folder that describes an org, as far as a rehearsal needs it; its mistakes are the org's to report. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';

/** Undefined if it is missing, or is not what is expected. */
export async function readFolderFile<T extends z.ZodType>(path: string, shape: T): Promise<z.output<T> | undefined> {
  try {
    return shape.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
