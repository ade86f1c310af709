/** Memory settings of a worker's process, which V8 and the C library read only while it starts. */
import { accessSync, constants } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** A young generation of 4 MB in each heap, instead of 16: less garbage waits in it, at no measurable cost. */
const FLAG = '--max-semi-space-size';
const SETTING = `${FLAG}=4`;
/** Without it, the C library keeps what network buffers leave behind once for each thread. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1' };

interface NewerNode {
  /** Node 22.15 and later, except on Windows. A failed start ends the process. */
  execve?: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never;
  /** Only under Node's permission model, which may forbid another start. */
  permission?: unknown;
}

/**
 * Starts the program again in the same process, once, with these settings; values that the user set stay. Where that
 * cannot be done, only the heaps of workflow threads get them.
 */
export function limitMemory(): void {
  const { env, execArgv, execPath } = process;
  const { NODE_OPTIONS: options = '' } = env;
  // V8 takes underscores as well.
  if ([...execArgv, ...options.split(/\s/)].some((option) => option.replaceAll('_', '-').startsWith(FLAG))) return;
  const { execve } = process as NewerNode;
  if (execve !== undefined && mayStartAgain()) {
    execve(execPath, [execPath, ...execArgv, SETTING, ...process.argv.slice(1)], { ...ALLOCATOR, ...env });
  }
  setFlagsFromString(SETTING);
}

function mayStartAgain(): boolean {
  const { channel, execPath, platform } = process;
  // A parent that talks to this process, such as a process manager, would lose its channel.
  if (platform !== 'linux' || channel !== undefined || (process as NewerNode).permission !== undefined) return false;
  try {
    // An upgrade may have removed Node's file.
    accessSync(execPath, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
