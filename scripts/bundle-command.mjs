// Puts the modules of `nightload`'s short commands into a few files, dist/command/: from hundreds of files a load starts
// a third later. Only the packages named here are part of them; licenses.txt beside them has their licenses.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const OUT = join(DIST, 'command');

/** What it takes to read an input, and to talk to Temporal. */
const INSIDE = [
  '@grpc/grpc-js',
  '@temporalio/client',
  '@temporalio/common',
  '@temporalio/envconfig',
  '@temporalio/proto',
  'commander',
  'zod',
];

const slashes = (path) => path.replaceAll('\\', '/');
const packageOf = (id) => /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? id;
/** Needed only for a service that nightload does not use. */
const OUTSIDE = ['@grpc/proto-loader'];

const isFile = (id) => id.startsWith('.') || isAbsolute(id);
/** The folder of the package that a file belongs to, or undefined for our own files. */
const folderOf = (file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(slashes(file))?.[0];

/** Folders of the packages inside. */
const inside = new Set();

const bundle = await rolldown({
  input: { run: join(DIST, 'cli/run.js') },
  platform: 'node',
  // Packages of those inside, too.
  external: (id, importer) =>
    !isFile(id) &&
    (OUTSIDE.includes(packageOf(id)) ||
      (!INSIDE.includes(packageOf(id)) && (id.startsWith('node:') || folderOf(importer ?? '') === undefined))),
  plugins: [
    {
      name: 'own-places',
      transform(code, file) {
        const folder = folderOf(file);
        if (folder !== undefined) inside.add(folder);
        else if (code.includes('import.meta.url'))
          // Files that a module finds next to itself stay there.
          return code.replaceAll(
            'import.meta.url',
            `new URL(${JSON.stringify(slashes(relative(OUT, file)))}, import.meta.url).href`,
          );
        return undefined;
      },
    },
  ],
});
await bundle.write({ dir: OUT, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });
await bundle.close();

const texts = [...inside].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(join(folder, file), 'utf8'))].join(
    '\n\n',
  );
});
writeFileSync(join(OUT, 'licenses.txt'), `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
