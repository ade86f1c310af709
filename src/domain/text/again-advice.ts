/** What to do instead of loading the same rows a second time. Pure. */

/** A file with rows of the earlier run that did not land; `unknown` if it cannot be seen from here. */
export interface LeftFile {
  kind: 'rejected' | 'unprocessed';
  state: 'there' | 'removed' | 'unknown';
}

const AGAIN = '`again: true` (--again)';

/** Advises only files that are still there, or may be. */
export function againAdvice(files: readonly LeftFile[]): string {
  const left = files.filter(({ state }) => state !== 'removed');
  if (left.length === 0) {
    const removed = files.length === 0 ? '' : 'The files with its other rows were removed (`nightload prune`). ';
    return `${removed}To load everything again, use ${AGAIN}.`;
  }
  const names = `${left.map(({ kind }) => kind).join(' and ')} ${left.length === 1 ? 'file' : 'files'}`;
  const them = left.length === 1 ? 'it' : 'them';
  const perhaps = left.some(({ state }) => state === 'unknown')
    ? ` (unless \`nightload prune\` has removed ${them})`
    : '';
  return `Load its ${names} instead${perhaps}, or use ${AGAIN} to load everything again.`;
}
