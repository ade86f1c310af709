/** Runs one command of `nightload`, and ends the process with its exit code. */
import { CommanderError } from 'commander';
import { nightloadProgram } from './program.js';
import { asLoadError, printJson, sayError } from './shared/output.js';

let exitCode = 0;
const program = nightloadProgram((action) => async (...args) => {
  exitCode = await action(...args);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are not errors; commander has printed the rest itself.
    exitCode = error.exitCode === 0 ? 0 : 1;
    if (exitCode !== 0 && process.argv.includes('--json')) {
      printJson({ state: 'Failed', error: { code: 'USAGE', message: error.message } });
    }
  } else {
    const failure = asLoadError(error);
    sayError(failure);
    if (process.argv.includes('--json')) printJson({ state: 'Failed', error: failure });
    exitCode = 1;
  }
}
// Flushes the output first; then nothing still open may delay the exit.
process.stdout.write('', () => process.exit(exitCode));
