// Completes the compiler's output: copies plain JavaScript, and makes the command executable. npm does that when it
// links a package, but a checkout that was linked before is rebuilt without npm.
import { chmodSync, copyFileSync } from 'node:fs';

copyFileSync(
  new URL('../src/codec/failure-converter.cjs', import.meta.url),
  new URL('../dist/codec/failure-converter.cjs', import.meta.url),
);
chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755);
