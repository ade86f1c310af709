// npm does this when it links a package, but a checkout that was linked before is built again without npm.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/cli/main.js', import.meta.url), 0o755);
