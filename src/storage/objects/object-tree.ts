/** Folders of objects: prefixes, which exist as long as an object lies below them. */
import type { ObjectEntry, WriteCondition } from './object-store.js';
import { storeOf } from './open-store.js';

/** Whether there is an object, or one below this prefix. */
export async function objectIsThere(location: string): Promise<boolean> {
  const store = await storeOf(location);
  if ((await store.find(location)) !== undefined) return true;
  for await (const _one of store.list(location)) return true;
  return false;
}

/** Up to a maximum. */
export async function objectsIn(folder: string, most: number): Promise<ObjectEntry[]> {
  const found: ObjectEntry[] = [];
  for await (const entry of (await storeOf(folder)).list(folder)) {
    if (found.length === most) break;
    found.push(entry);
  }
  return found;
}

export async function removeObject(location: string): Promise<void> {
  await (await storeOf(location)).remove(location);
}

/** With everything below it. */
export async function removeObjectsIn(folder: string): Promise<void> {
  const store = await storeOf(folder);
  await store.removeUnfinished(folder);
  for await (const { name, isFolder } of store.list(folder)) {
    await (isFolder ? removeObjectsIn(`${folder}/${name}`) : store.remove(`${folder}/${name}`));
  }
}

/** Interrupted in between, both exist: repeated, it is moved completely. */
export async function moveObject(from: string, to: string): Promise<void> {
  const store = await storeOf(from);
  await store.copy(from, to);
  await store.remove(from);
}

/** @returns false if the condition is not met */
export async function putObject(location: string, text: string, condition?: WriteCondition): Promise<boolean> {
  return (await storeOf(location)).put(location, Buffer.from(text), condition);
}

export async function removeUnfinishedObjects(folder: string): Promise<void> {
  await (await storeOf(folder)).removeUnfinished(folder);
}
