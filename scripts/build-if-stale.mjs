// Run by npm after an install, and by the first `npx nightload` in a checkout: builds only when there is something new,
// because a build under a running worker would take its files away.
import { execSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';

const built = 'dist/workflow-bundle.js';
const sources = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].filter((path) => existsSync(path));
for (const entry of readdirSync('src', { recursive: true, withFileTypes: true })) {
  if (entry.isFile()) sources.push(`${entry.parentPath}/${entry.name}`);
}
const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
if (!existsSync(built) || statSync(built).mtimeMs < newest) execSync('npm run build', { stdio: 'inherit' });
