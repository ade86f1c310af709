/** The public names of the package, listed by hand: none is added or removed by accident. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WORKFLOW_TYPES } from '../../src/domain/workflow-types.js';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  files: string[];
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as Manifest;

const CONTRACT_TYPES = [
  ...[
    'BulkLoadInput',
    'BulkLoadResult',
    'CheckFinding',
    'CheckReport',
    'Corrections',
    'CorrectionsTaken',
    'Duration',
    'FixerActivity',
    'FixerInput',
    'JobSummary',
  ],
  ...[
    'LoadError',
    'LoadForecast',
    'LoadPhase',
    'LoadProgress',
    'LoadSoFar',
    'LoadState',
    'Operation',
    'PartPhase',
    'PartProgress',
    'PollSettings',
  ],
  ...['RecordCounts', 'RowFix', 'WhenLate'],
];
const HOST_TYPES = ['HostOptions', 'ServerOptions'];

/** Values, then types. */
const PUBLIC: Record<string, { values: string[]; types: string[] }> = {
  '.': {
    values: [
      'AlreadyLoadedError',
      'LoadHandle',
      'NightloadError',
      'failedLoad',
      'findLoad',
      'loadHandle',
      'dataConverterFromEnvironment',
      'startBulkLoad',
      'workflowIdOf',
    ],
    types: ['StartOptions', ...CONTRACT_TYPES],
  },
  './contract': {
    values: [
      ...[
        'BULK_LOAD',
        'DEFAULT_TASK_QUEUE',
        'NOTIFY_EVENTS',
        'OPERATIONS',
        'RESULT_MEMO',
        'SCHEMAS',
        'SEARCH_ATTRIBUTES',
      ],
      ...['WORKFLOW_ID_PREFIX', 'failedLoad'],
    ],
    types: [
      ...['BulkLoad', 'NotifyEvent', 'NotifyMessage', 'SearchAttributeName', ...CONTRACT_TYPES],
      ...['Cure', 'HistoryEntry', 'JobTimes', 'LoadFigures', 'PassFigures', 'RejectedCause', 'RuleChanges'],
    ],
  },
  './nexus': { values: ['nightloadService'], types: [] },
  './workflows': {
    values: [
      ...['bulkLoad', 'checkLoad', 'ingestJob', 'orgAllocation', 'orgLimits', 'orphanJobs', 'pruneResults'],
      'retryFailedRows',
      'sendHeartbeat',
      'sendNotifications',
      'watchSchedules',
    ],
    types: [],
  },
  './activities': { values: ['openActivities'], types: ['Activities', 'OpenActivities', ...HOST_TYPES] },
  './worker': {
    values: [
      ...['NightloadPlugin', 'connectionsFromEnvironment', 'connectionsFromFile', 'nightloadServiceHandler'],
      ...['dataConverterFromEnvironment', 'startWorker', 'workflowInterceptorModules'],
    ],
    types: ['ConnectionSettings', 'RunningWorker', ...HOST_TYPES],
  },
  './testing': {
    values: ['startSimulator', 'startTestEnvironment'],
    types: ['NightloadTestEnvironment', 'Simulator', 'SimulatorOptions', 'TestEnvironmentOptions'],
  },
};

const sources = Object.fromEntries(
  Object.entries(manifest.exports).flatMap(([name, target]) =>
    typeof target === 'string'
      ? []
      : [[name, target.default.replace('./dist/', `${ROOT}/src/`).replace(/\.js$/, '.ts')]],
  ),
);
const program = ts.createProgram(Object.values(sources), {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  skipLibCheck: true,
  types: ['node'],
});

function exportsOf(path: string): { values: string[]; types: string[] } {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path);
  const module = file && checker.getSymbolAtLocation(file);
  const found = { values: [] as string[], types: [] as string[] };
  for (const symbol of module ? checker.getExportsOfModule(module) : []) {
    const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    (real.flags & ts.SymbolFlags.Value ? found.values : found.types).push(symbol.name);
  }
  return found;
}

it('has these entries, and the schemas', () => {
  expect(Object.keys(manifest.exports).sort()).toEqual(
    [...Object.keys(PUBLIC), './package.json', './schemas/*'].sort(),
  );
});

it('the workflows are those that the interceptors know', () => {
  expect(PUBLIC['./workflows']?.values.sort()).toEqual([...WORKFLOW_TYPES].sort());
});

describe.each(Object.entries(PUBLIC))('%s', (entry, { values, types }) => {
  it('exports these names', () => {
    const found = exportsOf(sources[entry] as string);
    expect(found.values.sort()).toEqual([...values].sort());
    expect(found.types.sort()).toEqual([...types].sort());
  });

  it('has types and code from one source', () => {
    const target = manifest.exports[entry] as { types: string; default: string };
    expect(target.types.replace('.d.ts', '')).toBe(target.default.replace('.js', ''));
    expect(existsSync(sources[entry] as string)).toBe(true);
  });
});

describe('what workflow code may import', () => {
  it.each(['./contract', './nexus'])('%s imports nothing from Node', (entry) => {
    const seen = new Set<string>();
    const outside = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const { fileName } of ts.preProcessFile(codeOf(path)).importedFiles) {
        if (fileName.startsWith('.')) visit(new URL(fileName.replace(/\.js$/, '.ts'), `file://${path}`).pathname);
        else outside.add(fileName);
      }
    };
    visit(sources[entry] as string);
    expect([...outside]).toEqual(entry === './nexus' ? ['nexus-rpc'] : []);
  });
});

/** As executed: without type imports. */
function codeOf(path: string): string {
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
  });
  return outputText;
}

describe('dependencies', () => {
  const temporal = (list: Record<string, string>): string[] =>
    Object.keys(list).filter((name) => name.startsWith('@temporalio/'));

  it("uses the host application's Temporal SDK", () => {
    expect(temporal(manifest.dependencies)).toEqual([]);
    // npm treats a name in both lists as a dev dependency: `npm prune --omit=dev` would remove it.
    expect(Object.keys(manifest.devDependencies).filter((name) => name in manifest.peerDependencies)).toEqual([]);
    expect(new Set(Object.values(manifest.peerDependencies))).toHaveLength(1);
  });

  it('lists every package that the code imports', () => {
    const imported = new Set<string>();
    for (const file of program.getSourceFiles()) {
      if (!file.fileName.startsWith(`${ROOT.replace(/\/$/, '')}/src/`)) continue;
      for (const { fileName } of ts.preProcessFile(codeOf(file.fileName)).importedFiles)
        if (!/^(\.|node:)/.test(fileName))
          imported.add(
            fileName
              .split('/')
              .slice(0, fileName.startsWith('@') ? 2 : 1)
              .join('/'),
          );
    }
    const known = { ...manifest.dependencies, ...manifest.peerDependencies };
    expect([...imported].filter((name) => !(name in known))).toEqual([]);
  });
});
