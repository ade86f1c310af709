/** What nightload needs of any object store, as tests: docs/storage.md names them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../src/storage/objects/object-store.js';

/** @param folder a location that the tests may fill */
export function objectStoreContract(open: () => { store: ObjectStore; folder: string }): void {
  const everything = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    return Buffer.concat(all);
  };
  async function* some(...texts: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield await Promise.resolve(Buffer.from(text));
  }
  async function* failing(first: Buffer): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(first);
    throw new Error('the input failed');
  }

  describe('an object store', () => {
    it('finds, reads by ranges and replaces an object', async () => {
      const { store, folder } = open();
      const at = `${folder}/ä name+1 %.csv`;
      expect(await store.find(at)).toBeUndefined();
      await store.write(at, some('0123', '456789'));
      const version = await store.find(at);
      if (version === undefined) throw new Error('not found');
      expect(version.size).toBe(10);
      expect(Math.abs(version.modifiedMs - Date.now())).toBeLessThan(60_000);
      expect((await everything(store.read(at, version, { start: 3, end: 7 }))).toString()).toBe('3456');
      await store.write(at, some('another'));
      expect((await store.find(at))?.etag).not.toBe(version.etag);
      await expect(everything(store.read(at, version, { start: 3, end: 7 }))).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
      });
      await store.remove(at);
      await expect(everything(store.read(at, version, { start: 3, end: 7 }))).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
      });
      await store.remove(at);
      expect(await store.find(at)).toBeUndefined();
    });

    it('writes an empty object', async () => {
      const { store, folder } = open();
      await store.write(`${folder}/empty`, some());
      expect((await store.find(`${folder}/empty`))?.size).toBe(0);
    });

    it('writes more than one part', async () => {
      const { store, folder } = open();
      const bytes = randomBytes(30_000_000);
      await store.write(`${folder}/large`, some(bytes.subarray(0, 1), bytes.subarray(1)));
      const version = await store.find(`${folder}/large`);
      if (version === undefined) throw new Error('not found');
      const read = await everything(store.read(`${folder}/large`, version, { start: 0, end: bytes.length }));
      expect(read.equals(bytes)).toBe(true);
    });

    it.each([100, 30_000_000])('leaves nothing behind when the input fails after %i bytes', async (size) => {
      const { store, folder } = open();
      await expect(store.write(`${folder}/failed-${size}`, failing(randomBytes(size)))).rejects.toThrow(
        'the input failed',
      );
      expect(await store.find(`${folder}/failed-${size}`)).toBeUndefined();
    });

    it('lets one of several writers create an object', async () => {
      const { store, folder } = open();
      const writers = ['one', 'two', 'three', 'four'];
      const done = await Promise.all(writers.map((text) => store.put(`${folder}/note`, Buffer.from(text), 'absent')));
      expect(done.filter(Boolean)).toHaveLength(1);
      const version = await store.find(`${folder}/note`);
      if (version === undefined) throw new Error('not found');
      const text = await everything(store.read(`${folder}/note`, version, { start: 0, end: version.size }));
      expect(text.toString()).toBe(writers[done.indexOf(true)]);
    });

    it('lets one of several writers replace a version', async () => {
      const { store, folder } = open();
      const at = `${folder}/replaced`;
      expect(await store.put(at, Buffer.from('first'))).toBe(true);
      const etag = (await store.find(at))?.etag ?? '';
      const done = await Promise.all(['two', 'three'].map((text) => store.put(at, Buffer.from(text), { etag })));
      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await store.put(at, Buffer.from('late'), { etag })).toBe(false);
      await store.remove(at);
      expect(await store.put(at, Buffer.from('gone'), { etag })).toBe(false);
    });

    it('lists names below a folder, in order', async () => {
      const { store, folder } = open();
      const names = async (at: string): Promise<string[]> => {
        const found: string[] = [];
        for await (const { name, isFolder, version } of store.list(at)) {
          found.push(isFolder ? `${name}/` : `${name} ${version?.size}`);
        }
        return found;
      };
      expect(await names(`${folder}/listed`)).toEqual([]);
      for (const name of ['b.csv', 'a.csv', 'c/one.csv', 'c/two.csv']) {
        await store.put(`${folder}/listed/${name}`, Buffer.from(name));
      }
      expect((await names(`${folder}/listed`)).sort()).toEqual(['a.csv 5', 'b.csv 5', 'c/']);
      expect(await names(`${folder}/listed/c`)).toEqual(['one.csv 9', 'two.csv 9']);
    });

    it('copies an object', async () => {
      const { store, folder } = open();
      await store.put(`${folder}/from ä`, Buffer.from('text'));
      await store.copy(`${folder}/from ä`, `${folder}/sub/to`);
      expect((await store.find(`${folder}/sub/to`))?.size).toBe(4);
    });
  });
}
