/**
 * The rooms of src and their arrows: a room may import from the rooms listed for it and from no other, types included.
 * `name:type` permits types only, because the values belong to another process or cannot run in the workflow sandbox.
 */
export const ROOMS = {
  exports: [
    'testing',
    'simulator',
    'workers',
    'client',
    'codec',
    'workflows',
    'activities',
    'salesforce',
    'domain',
    'contract',
    'errors',
  ],
  testing: [
    'dev',
    'workers',
    'client',
    'simulator',
    'salesforce',
    'domain',
    'protocol',
    'contract',
    'runtime',
    'errors',
  ],
  cli: [
    'dev',
    'workers',
    'client',
    'simulator',
    'capture',
    'salesforce',
    'pages',
    'storage',
    'notify',
    'codec',
    'csv',
    'domain',
    'protocol',
    'contract',
    'runtime',
    'errors',
  ],
  dev: ['contract', 'runtime', 'errors'],
  workers: [
    'activities',
    'client',
    'salesforce',
    'storage',
    'notify',
    'codec',
    'domain',
    'protocol',
    'contract',
    'runtime',
    'errors',
  ],
  client: ['storage', 'codec', 'domain', 'protocol', 'contract', 'runtime', 'errors'],
  workflows: ['activities:type', 'domain', 'protocol', 'contract', 'errors'],
  activities: [
    'pages',
    'preflight',
    'rows',
    'csv',
    'keys',
    'salesforce',
    'storage',
    'notify',
    'domain',
    'protocol',
    'contract',
    'runtime',
    'errors',
  ],
  pages: ['rows:type', 'domain', 'contract', 'errors'],
  preflight: ['csv', 'keys', 'salesforce:type', 'domain', 'contract', 'runtime', 'errors'],
  rows: ['csv', 'domain', 'contract', 'runtime', 'errors'],
  capture: ['rows', 'csv', 'salesforce', 'domain', 'contract', 'runtime', 'errors'],
  salesforce: ['domain', 'contract', 'runtime', 'errors'],
  notify: ['domain', 'protocol', 'contract', 'runtime', 'errors'],
  codec: ['domain', 'protocol', 'contract', 'runtime', 'errors'],
  csv: ['domain', 'contract', 'runtime', 'errors'],
  keys: ['runtime', 'errors'],
  storage: ['domain', 'contract', 'runtime', 'errors'],
  protocol: ['domain', 'contract', 'errors'],
  domain: ['protocol:type', 'contract', 'errors'],
  contract: [],
  runtime: ['errors'],
  simulator: [],
};

const place = (room) => (room === 'errors' ? 'src/errors\\.ts' : `src/${room}/`);
const anyOf = (rooms) => `^(${rooms.map(place).join('|')})`;

const arrows = Object.entries(ROOMS).flatMap(([room, allowed]) => {
  const types = allowed.filter((name) => name.endsWith(':type')).map((name) => name.slice(0, -':type'.length));
  const whole = [room, ...allowed.filter((name) => !name.endsWith(':type'))];
  const onlyTypes = {
    name: `types only: ${room}`,
    severity: 'error',
    from: { path: anyOf([room]) },
    to: { path: anyOf(types), dependencyTypesNot: ['type-only'] },
  };
  return [
    {
      name: `arrows of ${room}`,
      severity: 'error',
      from: { path: anyOf([room]) },
      to: { path: '^src/', pathNot: anyOf([...whole, ...types]) },
    },
    ...(types.length > 0 ? [onlyTypes] : []),
  ];
});

export default {
  forbidden: [
    ...arrows,
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no orphan',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: '^src/(exports/|cli/main|workers/build-bundle|workflows/interceptors)',
      },
      to: {},
    },
    {
      name: 'every room has its arrows',
      severity: 'error',
      from: { path: '^src/', pathNot: anyOf([...Object.keys(ROOMS), 'errors']) },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    cache: { folder: 'node_modules/.cache/dependency-cruiser', strategy: 'content' },
  },
};
