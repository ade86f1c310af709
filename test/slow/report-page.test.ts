/**
 * Pages in a real browser: hostile values run no script and load nothing, with and without the page's policy; nothing
 * is wider than a phone. Needs Chromium, so it is skipped without one. `PAGE_PICTURES` names a folder for pictures.
 */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compared } from '../../src/domain/history/deviations.js';
import { nightsPage } from '../../src/pages/nights/nights-page.js';
import { reportPage } from '../../src/pages/report/report-page.js';
import { findBrowser, openPage } from '../helpers/browser.js';
import { HOSTILE_TEXTS, hostileView } from '../helpers/report-view.js';

const browser = await findBrowser();
if (browser === undefined)
  console.warn('Skipped: no chromium on this machine (apt-get install chromium, or CHROMIUM=path).');

let folder: string;
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  response.end('owned');
});
let address: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-page-'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const texts = (): string[] => HOSTILE_TEXTS.map((text) => text.replaceAll('ADDRESS', address));

function pages(): Record<string, string> {
  const view = hostileView(texts());
  const { result } = view;
  const night = {
    ...{ version: 1 as const, loadId: 'n', workflowId: texts().join(), runId: 'r', run: 'run-1', sent: 1, locked: 0 },
    ...{ schedule: texts().join(), connection: texts().join(), object: texts().join(), error: texts().join() },
    ...{ startedAt: result.figures.startedAt, endedAt: result.figures.endedAt, jobs: 1, batches: 1, apiRequests: 1 },
    ...{ operation: result.operation, state: result.state, records: result.records, retry: result.retry },
  };
  return { report: reportPage(view), nights: nightsPage(compared([night, night])) };
}

/** Without the policy, only escaping protects the reader. */
const withoutPolicy = (page: string): string => page.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, '');

describe.skipIf(browser === undefined)('in a browser', () => {
  describe.each(['report', 'nights'])('%s.html with hostile values', (name) => {
    it.each([
      ['with its policy', (page: string) => page],
      ['without its policy', withoutPolicy],
    ])('runs nothing and loads nothing, %s', async (_, change) => {
      const made = change(pages()[name] ?? '');
      const path = join(folder, `${name}.html`);
      await writeFile(path, made);
      const before = asked.length;
      const dom = await openPage(browser ?? '', path, ['--dump-dom', '--virtual-time-budget=5000']);
      expect(asked.slice(before)).toEqual([]);
      const title = /<title>([^<]*)<\/title>/.exec(dom)?.[1];
      expect(title).toBe(
        /<title>\s*([^<]*?)\s*<\/title>/
          .exec(made)?.[1]
          ?.replaceAll('&quot;', '"')
          .replaceAll('&#39;', "'")
          .replaceAll('&#96;', '`'),
      );
      expect(dom).not.toMatch(/<(?:script|img|iframe|link|base|form|input|foreignobject|object|embed)\b/i);
      expect(dom).not.toMatch(/<[a-z][^>]*\s(?:on[a-z]+|style)=/i);
      expect(dom.match(/<style>/g)).toHaveLength(1);
    });
  });

  it('the test notices a page that does not escape', async () => {
    const path = join(folder, 'open.html');
    await writeFile(path, `<title>x</title><p>${texts().slice(0, 2).join('</p><p>')}</p>`);
    const before = asked.length;
    const dom = await openPage(browser ?? '', path, ['--dump-dom', '--virtual-time-budget=5000']);
    expect(dom).toMatch(/<title>owned<\/title>/);
    expect(asked.length).toBeGreaterThan(before);
  });

  it.each(['report', 'nights'])('%s.html is no wider than a phone', async (name) => {
    const path = join(folder, `${name}-phone.html`);
    const frame = join(folder, 'frame.html');
    // A window is at least 500 pixels wide. The script is the test's own: it measures the page in the frame.
    await writeFile(path, withoutPolicy(pages()[name] ?? ''));
    await writeFile(
      frame,
      `<iframe src="${name}-phone.html" style="width:375px;height:800px" onload="const d=this.contentDocument.documentElement;document.title=d.scrollWidth+' '+d.clientWidth"></iframe>`,
    );
    const dom = await openPage(browser ?? '', frame, ['--dump-dom', '--allow-file-access-from-files']);
    const [, scroll, client] = /<title>(\d+) (\d+)<\/title>/.exec(dom) ?? [];
    expect(Number(client)).toBeGreaterThan(300);
    expect(Number(scroll)).toBeLessThanOrEqual(Number(client));
  });

  it('can be printed', async () => {
    const path = join(folder, 'print.html');
    const pdf = join(process.env['PAGE_PICTURES'] ?? folder, 'report.pdf');
    await writeFile(path, pages()['report'] ?? '');
    await openPage(browser ?? '', path, [`--print-to-pdf=${pdf}`, '--no-pdf-header-footer']);
    expect((await readFile(pdf)).subarray(0, 5).toString()).toBe('%PDF-');
    expect((await stat(pdf)).size).toBeGreaterThan(20_000);
  });

  it.skipIf(process.env['PAGE_PICTURES'] === undefined).each(['light', 'dark'])('a picture: %s', async (tone) => {
    const path = join(folder, 'picture.html');
    await writeFile(path, pages()['report'] ?? '');
    const picture = join(process.env['PAGE_PICTURES'] ?? folder, `hostile-${tone}.png`);
    const dark = tone === 'dark' ? ['--blink-settings=preferredColorScheme=0'] : [];
    await openPage(browser ?? '', path, [`--screenshot=${picture}`, '--window-size=1100,5000', ...dark]);
    expect((await stat(picture)).size).toBeGreaterThan(50_000);
  });
});
