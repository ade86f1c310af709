// Run by npm after an install, and by the first `npx nightload` in a checkout: builds only if sources have changed,
// because a build would remove the files of a running worker.
import { execSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';

const built = 'dist/workflow-bundle.js';
const sources = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].filter((path) => existsSync(path));
for (const entry of readdirSync('src', { recursive: true, withFileTypes: true })) {
  if (entry.isFile()) sources.push(`${entry.parentPath}/${entry.name}`);
}
const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
if (!existsSync(built) || statSync(built).mtimeMs < newest) execSync('npm run build', { stdio: 'inherit' });
