import { describe, expect, it } from 'vitest';
import { FileRoots } from '../../../src/storage/files/file-roots.js';
import { dirname, folderUri, isBelow, join, uriOf } from '../../../src/storage/locations.js';

const roots = (text: string): Promise<FileRoots> => FileRoots.open(['/tmp'], { NIGHTLOAD_S3_ROOTS: text });

describe('NIGHTLOAD_S3_ROOTS', () => {
  it.each(['s3://bucket', 'bucket/', 's3:///x/', 's3://bucket/a//', 's3://bucket/../', 's3://UPPER/', 's3://b%zz/'])(
    'refuses %s',
    async (text) => {
      await expect(roots(text)).rejects.toMatchObject({ code: 'INVALID_S3_ROOTS' });
    },
  );

  it('limits loads to its prefixes', async () => {
    const found = await roots('s3://one/night/, s3://two/');
    expect(await found.pathOf('s3://one/night/a.csv')).toBe('s3://one/night/a.csv');
    expect(await found.pathOf('s3://one/night/')).toBe('s3://one/night');
    expect(await found.pathOf('s3://two/a%20b%25.csv')).toBe('s3://two/a b%.csv');
    for (const uri of ['s3://one/nightly/a.csv', 's3://one/', 's3://three/a.csv', 's3://two.three/a.csv']) {
      await expect(found.pathOf(uri)).rejects.toMatchObject({ code: 'S3_OUTSIDE_ROOTS' });
      expect(() => found.ownPathOf(uri)).toThrow(/outside the prefixes/);
    }
    for (const uri of [
      's3://one/night/../x',
      's3://one/night/%2e%2e/x',
      's3://one/night//x',
      's3://one/night/%',
      's3://one/night/%00',
    ]) {
      await expect(found.pathOf(uri)).rejects.toMatchObject({ code: 'INVALID_S3_URI' });
    }
    expect(() => found.checked('s3://one/other')).toThrow(/outside the prefixes/);
    expect(found.isTop('s3://one/night')).toBe(true);
    expect(found.isTop('s3://one/night/load')).toBe(false);
  });

  it('without it, there is no S3', async () => {
    await expect((await roots('')).pathOf('s3://bucket/a.csv')).rejects.toMatchObject({ code: 'S3_NOT_ENABLED' });
  });
});

it('locations of objects are joined and taken apart like paths', () => {
  expect(join('s3://bucket', 'a', 'b.csv')).toBe('s3://bucket/a/b.csv');
  expect(dirname('s3://bucket/a/b.csv')).toBe('s3://bucket/a');
  expect(dirname('s3://bucket/a')).toBe('s3://bucket');
  expect(dirname('s3://bucket')).toBe('s3://bucket');
  expect(isBelow('s3://bucket/ab', 's3://bucket/a')).toBe(false);
  expect(uriOf('s3://bucket/ä b%*.csv')).toBe('s3://bucket/%C3%A4%20b%25%2A.csv');
  expect(folderUri('s3://bucket')).toBe('s3://bucket/');
});
