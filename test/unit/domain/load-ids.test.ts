import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadIdFrom, loadIdOf, reachableId, workflowIdOf, workflowIdsOf } from '../../../src/domain/load-ids.js';

describe('loadIdOf', () => {
  it.each<[string, string | undefined, string]>([
    ['given', 'given', 'bulk-load/other'],
    ['other', undefined, 'bulk-load/other'],
    ['nightly', undefined, 'nightly'],
    ['parent-7f', undefined, 'parent-7f'],
    ['sub-folder', undefined, 'bulk-load/sub/folder'],
    ['x-bulk-load-y', undefined, 'x/bulk-load/y'],
    ['n-chste-Nacht', undefined, 'nächste Nacht'],
    ['x'.repeat(200), undefined, `bulk-load/${'x'.repeat(300)}`],
  ])('is %j for %j in workflow %j', (loadId, given, workflowId) => {
    expect(loadIdOf(given === undefined ? {} : { loadId: given }, workflowId)).toBe(loadId);
  });

  it('can be a folder name, whatever id a parent gave its child', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (name) => {
        expect(loadIdFrom(`bulk-load/${name}`)).toMatch(/^[A-Za-z0-9._-]{1,200}$/);
      }),
    );
  });
});

describe('reachableId', () => {
  it.each([
    ['night', 'bulk-load/night'],
    ['accounts-2026', 'accounts-2026'],
    ['nightly-2026-11-25T23-38-23Z', 'bulk-load/nightly-2026-11-25T23:38:23Z'],
    ['sub/folder', 'sub/folder'],
    ['a b', 'a b'],
    ['bulk-load/a b', 'bulk-load/a b'],
  ])('is %j for the workflow %j', (id, workflowId) => {
    expect(reachableId(workflowId)).toBe(id);
  });

  it('leads back to every workflow id, whoever chose it', () => {
    const time = fc
      .date({ noInvalidDate: true, min: new Date(0) })
      .map((date) => date.toISOString().replace(/\.\d+Z$/, 'Z'));
    const name = fc.string({ minLength: 1, maxLength: 40 });
    const scheduled = fc.tuple(name, time).map(([id, at]) => `bulk-load/${id}-${at}`);
    fc.assert(
      fc.property(fc.oneof(name, name.map(workflowIdOf), scheduled), (workflowId) => {
        expect(workflowIdsOf(reachableId(workflowId))).toContain(workflowId);
      }),
    );
  });
});

describe('load id and workflow id: one module', () => {
  it('no other module adds or removes the prefix', () => {
    const src = fileURLToPath(new URL('../../../src/', import.meta.url));
    const users = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => /\bWORKFLOW_ID_PREFIX\b|['"]bulk-load\/|`bulk-load\/\$/.test(readFileSync(src + file, 'utf8')));
    expect(users.sort()).toEqual(['contract/names.ts', 'domain/load-ids.ts', 'exports/contract.ts']);
  });
});
