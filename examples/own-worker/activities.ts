/** An activity of the host application: it writes the file to load. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function exportAccounts(night: string): Promise<string> {
  const path = join(process.env['EXPORTS'] ?? process.cwd(), `accounts-${night}.csv`);
  await writeFile(path, `External_Id__c,Name\n1001,Acme\n1002,Globex\n`);
  return pathToFileURL(path).href;
}
