/**
 * Compares the image digests in the compose files and the Dockerfile with the current digests of their tags; with
 * `--write` it updates them. To update a version: change the tag, run it with `--write`, review the diff. It uses
 * `docker buildx imagetools inspect`, so it needs Docker (not a running engine) and a network.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILES = [
  'docker-compose.yml',
  'docker-compose.dev.yml',
  'docker-compose.monitoring.yml',
  'docker-compose.s3.yml',
  'Dockerfile',
];
/** An external image: `name:tag`, with or without a digest. */
const IMAGE = /(?<=image: |NODE_IMAGE=)(?!nightload:)([\w./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?/g;

const root = process.env.NIGHTLOAD_PIN_ROOT ?? fileURLToPath(new URL('..', import.meta.url));
const write = process.argv.includes('--write');
const known = new Map();
let moved = 0;

function digestOf(image) {
  if (!known.has(image)) {
    const words = ['buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}'];
    const digest = execFileSync('docker', words, { encoding: 'utf8' }).trim();
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${image}: ${digest} is not a digest`);
    known.set(image, digest);
  }
  return known.get(image);
}

for (const file of FILES) {
  const path = resolve(root, file);
  const text = readFileSync(path, 'utf8');
  const pinned = text.replace(IMAGE, (_all, image, before) => {
    const after = `@${digestOf(image)}`;
    if (after !== before) {
      moved++;
      console.error(`${file}: ${image}${before ?? ''} is now ${after}`);
    }
    return image + after;
  });
  if (write && pinned !== text) writeFileSync(path, pinned);
}
console.error(moved === 0 ? 'All digests are those of their tags.' : write ? 'Written.' : 'Run it with --write.');
process.exitCode = moved > 0 && !write ? 1 : 0;
