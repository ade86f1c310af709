/** Everything that the docs name exists: paths, npm scripts, links, variables of the compose files. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../containers/compose.js';

const sourceOf = (path: string): string => readFileSync(resolve(REPOSITORY, path), 'utf8');
const DOCUMENTS = [
  'SECURITY.md',
  'CONTRIBUTING.md',
  'docs/containers.md',
  'docs/monitoring.md',
  'docs/salesforce.md',
  'docs/glossary.md',
];

describe.each(DOCUMENTS)('%s', (document) => {
  const text = sourceOf(document);

  it('names existing files and folders', () => {
    const named = [...text.matchAll(/`((?:src|test|docker|docs|scripts)\/[\w./-]*)`/g)].map(([, path = '']) => path);
    for (const path of named) expect(existsSync(resolve(REPOSITORY, path)), path).toBe(true);
  });

  it('names existing scripts and test files', () => {
    const { scripts } = JSON.parse(sourceOf('package.json')) as { scripts: Record<string, string> };
    for (const [, name = ''] of text.matchAll(/\bnpm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name]);
    for (const [, path = ''] of text.matchAll(/vitest run (?:--config )?(\S+\.ts)/g)) {
      expect(existsSync(resolve(REPOSITORY, path)), path).toBe(true);
    }
  });

  it('has valid links', () => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(existsSync(resolve(REPOSITORY, dirname(document), target)), target).toBe(true);
    }
  });
});

it('docs/containers.md explains every variable of the compose files', () => {
  const names = ['docker-compose.yml', 'docker-compose.dev.yml'].flatMap((file) =>
    [...sourceOf(file).matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name),
  );
  for (const name of new Set(names))
    expect(sourceOf('docs/containers.md')).toMatch(new RegExp(`^\\| \`${name}\` `, 'm'));
});

it('docs/salesforce.md lists every login variable, and every call to the org', () => {
  const text = sourceOf('docs/salesforce.md');
  const readers = ['login-variables', 'connections-from-env'].map((name) => `src/salesforce/config/${name}.ts`);
  for (const [name] of readers
    .map(sourceOf)
    .join('')
    .matchAll(/\bSF_\w+/g)) {
    if (name !== 'SF_') expect(text).toContain(name);
  }
  for (const kind of [
    'successfulResults',
    'failedResults',
    'unprocessedrecords',
    '/batches',
    'V2Ingest',
    'BigObjectIngest',
    '/describe',
  ]) {
    const calls = [
      'src/salesforce/bulk-client.ts',
      'src/salesforce/list-jobs.ts',
      'src/domain/platform/result-kind.ts',
    ];
    expect(calls.map(sourceOf).join('')).toContain(kind);
    expect(text).toContain(kind);
  }
});
