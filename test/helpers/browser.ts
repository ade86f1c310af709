/** A real browser, if this machine has one: headless Chromium or Chrome. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';

const run = promisify(execFile);
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const LIMIT_MS = 60_000;

/** Undefined without a browser; `CHROMIUM` names another one. */
export async function findBrowser(): Promise<string | undefined> {
  for (const name of [process.env['CHROMIUM'], ...NAMES]) {
    if (!name) continue;
    const works = await run(name, ['--version']).then(
      () => true,
      () => false,
    );
    if (works) return name;
  }
  return undefined;
}

/** Opens a page with a fresh profile. @returns what the browser prints, such as the page after `--dump-dom` */
export async function openPage(browser: string, path: string, options: readonly string[]): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), 'nightload-browser-'));
  try {
    const { stdout } = await run(
      browser,
      // Its sandbox needs rights that containers do not have.
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${profile}`],
        ...options,
        pathToFileURL(path).href,
      ],
      { timeout: LIMIT_MS, maxBuffer: 100_000_000 },
    );
    return stdout;
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}
