import { threadId } from 'node:worker_threads';
import js from '@eslint/js';
import redos from 'eslint-plugin-redos';
import tseslint from 'typescript-eslint';

/** What touches the world, as it is named from src and from a folder in it. */
const outside = [
  ...['activities', 'salesforce', 'storage', 'workers', 'cli'].flatMap((name) => [`./${name}/*`, `../${name}/*`]),
  ...['activity', 'client', 'worker'].map((name) => `@temporalio/${name}`),
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.nightload/', 'nightload-results/', 'coverage/', 'test/peers/.work/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // A forgotten await in a workflow or an activity loses errors silently.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // Bytes of others meet these patterns: none may take longer than the text is. What cannot be told in that time passes,
    // and what was told is kept, by pattern, in a file for each of ESLint's threads: they would spoil a common one.
    files: ['src/**/*.ts'],
    plugins: { redos },
    rules: {
      'redos/no-vulnerable': [
        'error',
        {
          timeout: 20_000,
          cache: { location: `node_modules/.cache/redos-${threadId}.json`, strategy: 'conservative' },
        },
      ],
    },
  },
  {
    // A rejection that nobody handles, such as that of a wait that is canceled, stops a workflow forever.
    files: ['src/workflows/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }] },
  },
  {
    // Workflow code runs in a deterministic sandbox: a value import that reaches a Node built-in breaks the bundle,
    // and the host's clock or timers would break replay.
    files: [
      'src/workflows/**/*.ts',
      'src/domain/**/*.ts',
      'src/protocol/**/*.ts',
      'src/contract/**/*.ts',
      'src/exports/{contract,nexus,workflows}.ts',
    ],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['node:*', 'undici', ...outside],
              allowTypeImports: true,
              message: 'Workflow code may import only types from here.',
            },
          ],
        },
      ],
    },
  },
  {
    // Others may own a folder in the worker's roots: files are reached by handle, through src/storage/folder/folder.ts.
    files: ['src/{activities,storage,csv,preflight}/**/*.ts'],
    // The first three work by handle; the fourth only asks what links in a path lead to.
    // The last one asks how full a disk is, and opens nothing.
    ignores: [
      'src/storage/folder/folder.ts',
      'src/storage/folder/folder-handle.ts',
      'src/storage/files/file-stream.ts',
      'src/storage/files/file-roots.ts',
      'src/storage/files/free-space.ts',
    ],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: ['fs', 'fs/promises', 'node:fs', 'node:fs/promises'].map((name) => ({
            name,
            allowTypeImports: true,
            message: 'Paths can be swapped while they are used: go through src/storage/.',
          })),
        },
      ],
    },
  },
  {
    // The simulator must not share a misunderstanding with the client that it is there to check.
    files: ['src/simulator/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['../salesforce/*', '../csv/*', '../activities/*', '../workflows/*'],
              message: 'The simulator shares no code with the product.',
            },
          ],
        },
      ],
    },
  },
  {
    // Loaded by the SDK with `require`.
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { require: 'readonly', exports: 'readonly' } },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
);
