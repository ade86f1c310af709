/** Messages of a load that were not delivered at once, where this command sees its folder. */
import type { BulkLoadResult } from '../../../contract/load-result.js';
import { RESULT_NAMES } from '../../../domain/result-layout.js';
import { deliveryWords, isDelivered } from '../../../domain/text/delivery-words.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { shownCode } from '../../../domain/text/shown-code.js';
import { shellWord } from '../../../domain/text/shell-word.js';
import { MESSAGES_FILE } from '../../../protocol/activities/notify-shapes.js';
import { dirname, join } from '../../../storage/locations.js';
import { readSmallFile } from '../../../storage/read-files.js';
import { ownResultFile, promptly } from '../local-files.js';

const MAX_BYTES = 200_000;
const MAX_LINES = 20;
const MAX_NAME = 100;

export async function messageLines(result: Pick<BulkLoadResult, 'files' | 'workflowId' | 'runId'>): Promise<string[]> {
  const report = await ownResultFile(result, 'report');
  if (report === undefined) return [];
  const path = join(dirname(report), RESULT_NAMES.messages);
  try {
    const bytes = await promptly(path, () => readSmallFile(path, MAX_BYTES));
    const found = MESSAGES_FILE.safeParse(JSON.parse(bytes?.toString() ?? '')).data;
    // Another run under the same id has its own.
    if (found?.runId !== result.runId) return [];
    const lines = found.messages.map((note) => {
      const [target, code] = [plainText(note.target, MAX_NAME), shownCode(note.code) ?? 'UNEXPECTED'];
      const test = isDelivered(note) ? '' : `. Check: nightload notify test ${shellWord(target)}`;
      return `  message      "${note.event}" to ${target}: ${deliveryWords(note)} (${code})${test}`;
    });
    const more = lines.length - MAX_LINES;
    return more > 0 ? [...lines.slice(0, MAX_LINES), `  message      and ${more} more; see ${path}`] : lines;
  } catch {
    // All were delivered at once, or the folder is on another host.
    return [];
  }
}
