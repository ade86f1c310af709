/** Static checks of the Dockerfile: what it copies and what it runs exists. `npm run test:image` executes its steps. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './compose.js';
import { inContext, readDockerfile, stepsOf } from './dockerfile.js';

const stages = readDockerfile();
const [build, final] = stages;
const manifest = JSON.parse(readFileSync(resolve(REPOSITORY, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
  engines: { node: string };
};
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: REPOSITORY })
  .toString()
  .split('\n');
const context = inContext(files);

describe('Dockerfile', () => {
  it('builds in one stage and runs in another, both on one pinned Debian with a Node that the package supports', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', undefined]);
    for (const { from } of stages) expect(from).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
    expect(build?.from).toBe(final?.from);
    const major = Number(/^node:(\d+)/.exec(final?.from ?? '')?.[1]);
    expect(major % 2).toBe(0);
    expect(major).toBeGreaterThanOrEqual(Number(/\d+/.exec(manifest.engines.node)?.[0]));
  });

  it('copies only existing files that .dockerignore admits', () => {
    const copied = stages.flatMap((stage) =>
      stepsOf(stage, 'COPY')
        .filter(({ text }) => !text.startsWith('--from'))
        .flatMap(({ text }) => text.split(/\s+/).slice(0, -1)),
    );
    for (const path of copied) {
      expect(
        context.some((file) => file === path || file.startsWith(`${path}/`)),
        path,
      ).toBe(true);
    }
    for (const file of context) {
      expect(
        copied.some((path) => file === path || file.startsWith(`${path}/`)),
        file,
      ).toBe(true);
    }
  });

  it('keeps secrets, results and other builds out of the build context', () => {
    const unwanted = [
      '.env',
      'docker/real-org.env',
      'node_modules/x',
      'dist/x',
      '.git/x',
      'data/x.csv',
      '.nightload/x',
    ];
    expect(inContext(unwanted)).toEqual([]);
  });

  it('runs npm scripts that exist', () => {
    const runs = stepsOf(build, 'RUN').map(({ text }) => text);
    const scripts = runs.flatMap((text) => /^npm run (\S+)/.exec(text)?.[1] ?? []);
    expect(scripts).toEqual(['build']);
    for (const script of scripts) expect(manifest.scripts).toHaveProperty(script);
    for (const text of runs.filter((one) => /^npm (ci|prune)/.test(one))) expect(text).toContain('--ignore-scripts');
    expect(runs.some((text) => text.startsWith('npm prune --omit=dev'))).toBe(true);
  });

  it('runs the command of the package, not as root, with /data for the files', () => {
    expect(stepsOf(final, 'ENTRYPOINT')[0]?.words).toEqual(['node', `/app/${manifest.bin['nightload']}`]);
    expect(stepsOf(final, 'CMD')[0]?.words).toEqual(['worker']);
    expect(stepsOf(final, 'USER')[0]?.text).toBe('node');
    expect(stepsOf(final, 'VOLUME')[0]?.text).toBe('/data');
    expect(stepsOf(final, 'ENV')[0]?.text).toContain('NIGHTLOAD_FILE_ROOTS=/data');
    expect(existsSync(resolve(REPOSITORY, 'docker/worker-health.mjs'))).toBe(true);
  });
});
