/** The compose files are valid, pinned, closed to the outside, and use only settings that nightload knows. */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, posix, resolve } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/names.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { SIMULATOR_TOKEN } from '../../src/simulator/http/server.js';
import { nightload } from '../helpers/run-cli.js';
import { VERSITYGW_VERSION } from '../stack/parts/programs.js';
import {
  COMPOSE_FILES,
  environmentOf,
  readCompose,
  readEnvFile,
  REPOSITORY,
  seconds,
  service,
  SIMULATED,
} from './compose.js';
import type { Service } from './compose.js';
import { readDockerfile, stepsOf } from './dockerfile.js';

/** Style rules are off; the check against the compose specification cannot be switched off. */
const LINTER = new DCLinter({
  rules: { 'service-keys-order': 0, 'services-alphabetical-order': 0, 'no-build-and-image': 0 },
  quiet: false,
  debug: false,
  exclude: [],
});

interface LintMessage {
  rule: string;
  line: number;
  message: string;
}

/** The linter's types do not resolve in an ESM project. */
function lint(file: string): string[] {
  const results = LINTER.lintFiles([resolve(REPOSITORY, file)], false) as { messages: LintMessage[] }[];
  return results.flatMap(({ messages }) => messages.map(({ rule, line, message }) => `${rule} ${line}: ${message}`));
}

const MONITORING = 'docker-compose.monitoring.yml';
const S3 = 'docker-compose.s3.yml';

const sourceOf = (path: string): string => readFileSync(resolve(REPOSITORY, path), 'utf8');

describe.each(COMPOSE_FILES)('%s', (file) => {
  const compose = readCompose(file);
  const services = Object.entries(compose.services);
  const worker = service(compose, 'worker');
  const simulator = service(compose, 'simulator');

  it('follows the compose specification', () => {
    expect(lint(file)).toEqual([]);
  });

  it('specifies a version of every image, and the digest of external ones', () => {
    for (const [name, { image }] of services) {
      const digest = image.startsWith('nightload:') ? '' : '@sha256:[0-9a-f]{64}';
      expect(image, name).toMatch(new RegExp(`^[a-z]+(/[a-z-]+)?:\\d+\\.\\d+(\\.\\d+)?(-[a-z]+)?${digest}$`));
      expect(image, name).not.toContain('auto-setup');
    }
  });

  it('limits memory and processes of every service', () => {
    for (const [name, { mem_limit, pids_limit }] of services) {
      expect(mem_limit, name).toMatch(/^\d+[mg]$/);
      expect(pids_limit, name).toBeGreaterThan(0);
    }
  });

  it('writes only to volumes and to /tmp', () => {
    for (const [name, { read_only, tmpfs = [] }] of services) {
      // The UI's start script writes its configuration into the image's own folder.
      expect(read_only, name).toBe(name !== 'temporal-ui');
      expect(
        tmpfs.some((place) => /^\/tmp:size=\d+[mg],mode=1777$/.test(place)),
        name,
      ).toBe(true);
    }
  });

  it('runs its own version of nightload', () => {
    const { version } = JSON.parse(sourceOf('package.json')) as { version: string };
    for (const { image, pull_policy } of [worker, simulator]) {
      expect(image).toMatch(new RegExp(`^nightload:${version}(-dev)?$`));
      // Someone else may own that name in a registry.
      expect(pull_policy).toBe('never');
    }
    expect(services.filter(([, { image }]) => image.startsWith('nightload:'))).toHaveLength(2);
    expect(worker.build).toBe('.');
  });

  it('publishes ports on this machine only', () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(ports.map((port) => port.split(':')[1]).sort()).toEqual(['7233', '8233']);
  });

  it('restarts services that should run, and not those that should end', () => {
    const once = (candidate: Service): boolean => candidate.restart?.startsWith('on-failure') ?? false;
    for (const [name, candidate] of services) {
      expect(candidate.restart, name).toMatch(/^(unless-stopped|on-failure:\d+)$/);
      // A service's own check, or the image's.
      if (!once(candidate) && name !== 'worker') expect(candidate.healthcheck, name).toBeDefined();
      for (const [other, { condition }] of Object.entries(candidate.depends_on ?? {})) {
        const needed = service(compose, other);
        const expected = once(needed)
          ? 'service_completed_successfully'
          : other === 'worker'
            ? 'service_started'
            : 'service_healthy';
        expect(condition, `${name} waits for ${other}`).toBe(expected);
      }
    }
  });

  it('mounts existing files and declared volumes', () => {
    for (const [name, { volumes = [] }] of services) {
      for (const volume of volumes) {
        if (typeof volume === 'object') continue;
        const [source = '', target = '', mode] = volume.split(':');
        expect(target, name).toMatch(/^\//);
        if (!source.startsWith('.')) expect(Object.keys(compose.volumes), name).toContain(source);
        else {
          expect(statSync(resolve(REPOSITORY, source)).isDirectory(), source).toBe(true);
          expect(mode, name).toBe('ro');
        }
      }
    }
    const scripts = services.flatMap(([, { entrypoint = [] }]) => entrypoint.filter((word) => word.endsWith('.sh')));
    for (const script of scripts)
      expect(existsSync(resolve(REPOSITORY, script.replace('/nightload', 'docker')))).toBe(true);
    expect(scripts.length).toBeGreaterThan(0);
  });

  it('stores the state of Temporal on a volume', () => {
    const holder = file === 'docker-compose.yml' ? 'postgres' : 'temporal';
    const [name, target] = String(service(compose, holder).volumes?.[0]).split(':');
    expect(Object.keys(compose.volumes)).toEqual([name]);
    const place = holder === 'postgres' ? '/var/lib/postgresql/data' : '/home/temporal';
    expect(target).toBe(place);
    if (holder === 'temporal') {
      const { command = [] } = service(compose, holder);
      expect(command[command.indexOf('--db-filename') + 1]).toMatch(new RegExp(`^${place}/`));
    }
  });

  it('gives the worker a separate network that does not depend on other containers', () => {
    // After a restart of Docker, a container cannot join the network of one that is not running yet, and stays stopped.
    expect(worker.network_mode).toBeUndefined();
    // The hostname must be unique too: the health check identifies its worker by it.
    expect(worker.hostname).toBeUndefined();
    expect(Object.keys(worker.depends_on ?? {})).toEqual(['temporal-namespace']);
    for (const [name, { network_mode }] of services)
      if (name !== 'simulator') expect(network_mode, name).toBeUndefined();
  });

  it('connects the worker and the simulated org on loopback', () => {
    expect(simulator.network_mode).toBe('service:worker');
    expect(simulator.depends_on).toEqual({ worker: { condition: 'service_started', restart: true } });
  });

  it('limits logs and drops privileges', () => {
    for (const [name, { logging, security_opt, cap_drop, cap_add }] of services) {
      // These options are an error with other drivers that a host may have as its default.
      expect(logging?.driver, name).toBe('local');
      expect(logging?.options, name).toEqual({ 'max-size': '10m', 'max-file': '5' });
      expect(security_opt, name).toEqual(['no-new-privileges:true']);
      expect(cap_drop, name).toEqual(['ALL']);
      expect(cap_add, name).toBeUndefined();
    }
  });

  it('gives the worker a valid login to the simulated org', () => {
    const connections = connectionsFromEnvironment(environmentOf(worker));
    const { command = [] } = simulator;
    const port = command[command.indexOf('--port') + 1];
    const connection = connections.get('default');
    expect([...connections.keys()]).toEqual(['default']);
    expect(connection).toMatchObject({ auth: 'token', instanceUrl: `http://127.0.0.1:${port}` });
    expect(environmentOf(worker)['SF_ACCESS_TOKEN']).toBe(SIMULATOR_TOKEN);
  });

  it('gives only the worker a login', () => {
    for (const [name, candidate] of services) {
      if (name === 'worker') continue;
      expect(Object.keys(environmentOf(candidate)).filter((variable) => variable.startsWith('SF_'))).toEqual([]);
    }
  });

  it('mounts the folder that the worker may use, and does not let Docker create it', () => {
    const mounts = (worker.volumes ?? []).filter((volume) => typeof volume === 'object');
    const roots = environmentOf(worker)['NIGHTLOAD_FILE_ROOTS'];
    expect(mounts).toEqual([{ type: 'bind', source: './data', target: roots, bind: { create_host_path: false } }]);
    expect(worker.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('gives the worker more time to stop than it needs', () => {
    const source = sourceOf('src/workers/create-worker.ts');
    const [grace, force] = ['shutdownGraceTime', 'shutdownForceTime'].map((name) =>
      Number(new RegExp(`${name}: '(\\d+)s'`).exec(source)?.[1]),
    );
    expect(seconds(worker.stop_grace_period ?? '')).toBeGreaterThan((grace ?? NaN) + (force ?? NaN));
    for (const { init } of [worker, simulator]) expect(init).toBe(true);
  });

  it('runs commands that nightload has', async () => {
    for (const { command: words = [] } of [worker, simulator]) {
      const [name = '', ...options] = words;
      const help = nightload([name, '--help']);
      expect(await help.ended).toBe(0);
      expect(help.stdout()).toContain(`Usage: nightload ${name} `);
      for (const option of options.filter((word) => word.startsWith('--'))) expect(help.stdout()).toContain(option);
    }
  });

  it('keeps finished loads for 30 days or the configured time, so that none is loaded twice', () => {
    expect(service(compose, 'temporal-namespace').environment).toMatchObject({
      TEMPORAL_NAMESPACE: worker.environment?.['TEMPORAL_NAMESPACE'],
      TEMPORAL_ADDRESS: worker.environment?.['TEMPORAL_ADDRESS'],
      NAMESPACE_RETENTION: '30d',
    });
    const longer = readCompose(file, { ...SIMULATED, NAMESPACE_RETENTION: '90d' });
    expect(service(longer, 'temporal-namespace').environment?.['NAMESPACE_RETENTION']).toBe('90d');
  });
});

describe('docker-compose.yml', () => {
  const compose = readCompose('docker-compose.yml');

  it('uses one password for Temporal, its schema tool and PostgreSQL', () => {
    const password = 'from the environment';
    const { services } = readCompose('docker-compose.yml', { ...SIMULATED, POSTGRES_PASSWORD: password });
    const given = Object.values(services).flatMap(({ environment = {} }) =>
      ['POSTGRES_PASSWORD', 'POSTGRES_PWD', 'SQL_PASSWORD'].flatMap((name) => environment[name] ?? []),
    );
    expect(given).toEqual([password, password, password]);
    const schema = service(compose, 'temporal-schema').environment ?? {};
    const server = service(compose, 'temporal').environment ?? {};
    expect(schema['SQL_PLUGIN']).toBe(server['DB']);
    expect(schema['SQL_HOST']).toBe(server['POSTGRES_SEEDS']);
    expect(schema['SQL_USER']).toBe(service(compose, 'postgres').environment?.['POSTGRES_USER']);
  });

  it('creates the tables with the tools of the same version as the server', () => {
    const tag = (name: string): string | undefined => service(compose, name).image.split(/[:@]/)[1];
    expect(tag('temporal-schema')).toBe(tag('temporal'));
    expect(tag('temporal-namespace')).toBe(tag('temporal'));
  });

  it('takes the login of a real org from another file, without any setting of the simulated one', () => {
    const file = 'docker/real-org.env.example';
    const { env_file, environment = {} } = service(
      readCompose('docker-compose.yml', { ...SIMULATED, NIGHTLOAD_ORG_ENV: file }),
      'worker',
    );
    expect(env_file).toBe(file);
    const filled = { ...readEnvFile(file), SF_CLIENT_ID: 'key', SF_CLIENT_SECRET: 'secret' };
    const clientCredentials = connectionsFromEnvironment({ ...filled, ...environment });
    expect(clientCredentials.get('default')).toMatchObject({
      auth: 'clientCredentials',
      loginUrl: 'https://acme.my.salesforce.com',
    });
    const refresh = connectionsFromEnvironment({ ...filled, SF_REFRESH_TOKEN: 'token', ...environment });
    expect(refresh.get('default')?.auth).toBe('refreshToken');
  });

  it('does not start a worker without a configured org', () => {
    const { NIGHTLOAD_ORG_ENV: _left, ...others } = SIMULATED;
    for (const variables of [others, { ...others, NIGHTLOAD_ORG_ENV: '' }]) {
      expect(() => readCompose('docker-compose.yml', variables)).toThrow(
        /NIGHTLOAD_ORG_ENV is missing a value: set NIGHTLOAD_ORG_ENV in \.env/,
      );
    }
  });

  it('starts the simulated org only on request', () => {
    const { services } = compose;
    expect(Object.keys(services).filter((name) => services[name]?.profiles !== undefined)).toEqual(['simulator']);
    expect(service(compose, 'simulator').profiles).toEqual(['simulated']);
  });

  it('gives the key of the JWT bearer flow to the worker only, out of reach of loads and backups', () => {
    const file = '/home/me/keys/nightload.pem';
    const { secrets, services } = readCompose('docker-compose.yml', { ...SIMULATED, NIGHTLOAD_JWT_KEY: file });
    expect(secrets).toEqual({ 'jwt-key': { file } });
    for (const [name, { secrets: given }] of Object.entries(services)) {
      if (name !== 'worker') expect(given, name).toBeUndefined();
    }
    const target = '/run/secrets/jwt-key.pem';
    const worker = service(compose, 'worker');
    expect(worker.secrets).toEqual([{ source: 'jwt-key', target }]);
    for (const root of (environmentOf(worker)['NIGHTLOAD_FILE_ROOTS'] ?? '').split(':')) {
      expect(posix.relative(root, target)).toMatch(/^\.\.\//);
    }
    expect(sourceOf('docker/real-org.env.example')).toContain(`# SF_JWT_KEY_FILE='${target}'`);
  });

  it('mounts a placeholder if there is no key file, which is refused as a key', () => {
    const { file = '' } = compose.secrets?.['jwt-key'] ?? {};
    const jwt = {
      SF_LOGIN_URL: 'https://acme.my.salesforce.com',
      SF_CLIENT_ID: 'key',
      SF_USERNAME: 'night@acme.example',
    };
    expect(() => connectionsFromEnvironment({ ...jwt, SF_JWT_KEY_FILE: resolve(REPOSITORY, file) })).toThrow(
      /not a private key in PEM format/,
    );
  });

  it('runs the database on a separate internal network, and not as root', () => {
    expect(compose.networks).toEqual({ database: { internal: true }, temporal: null });
    const on = (network: string): string[] =>
      Object.entries(compose.services).flatMap(([name, { networks = [] }]) => (networks.includes(network) ? name : []));
    expect(on('database')).toEqual(['postgres', 'temporal-schema', 'temporal']);
    expect(on('temporal')).toEqual(['temporal', 'temporal-namespace', 'temporal-ui', 'worker']);
    for (const [name, { networks, network_mode }] of Object.entries(compose.services)) {
      // A service that sets neither is on the default network, like all others that do not.
      expect(networks !== undefined || network_mode !== undefined, name).toBe(true);
    }
    expect(service(compose, 'postgres')).toMatchObject({ user: 'postgres', networks: ['database'] });
    expect(service(compose, 'postgres').ports).toBeUndefined();
    // Two networks, two addresses: the server must not choose one of them itself.
    expect(service(compose, 'temporal').environment?.['TEMPORAL_BROADCAST_ADDRESS']).toBe('127.0.0.1');
  });

  it('does not start a database with a well-known password', () => {
    for (const password of [undefined, '']) {
      const { POSTGRES_PASSWORD: _left, ...others } = SIMULATED;
      const variables = password === undefined ? others : { ...others, POSTGRES_PASSWORD: password };
      expect(() => readCompose('docker-compose.yml', variables)).toThrow(/POSTGRES_PASSWORD is missing a value/);
    }
    expect(sourceOf('docs/containers.md')).toContain('POSTGRES_PASSWORD=$(openssl rand -hex 24)');
  });
});

describe('docker-compose.dev.yml', () => {
  it('needs no variable, starts the simulated org, and accepts no real one', () => {
    const compose = readCompose('docker-compose.dev.yml', {});
    expect(service(compose, 'simulator').profiles).toBeUndefined();
    const { env_file } = service(
      readCompose('docker-compose.dev.yml', { NIGHTLOAD_ORG_ENV: 'real-org.env' }),
      'worker',
    );
    expect(env_file).toBe(SIMULATED.NIGHTLOAD_ORG_ENV);
  });
});

describe('docker/temporal-namespace.sh', () => {
  it('creates the search attributes of the contract', () => {
    const types = { KEYWORD: 'Keyword', INT: 'Int', KEYWORD_LIST: 'KeywordList' };
    const created = [...sourceOf('docker/temporal-namespace.sh').matchAll(/^attribute (\w+) (\w+)$/gm)];
    expect(Object.fromEntries(created.map(([, name, type]) => [name, type]))).toEqual(
      Object.fromEntries(Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, types[type]])),
    );
  });
});

describe(MONITORING, () => {
  const added = readCompose(MONITORING, { ...SIMULATED, GRAFANA_PASSWORD: 'a random one' });
  const { worker, ...others } = added.services;

  it('follows the compose specification', () => {
    // An overlay: the worker's image is in the other file.
    expect(lint(MONITORING).filter((message) => !message.includes('worker'))).toEqual([]);
  });

  it('publishes both on this machine only, limits them, and does not start Grafana with a well-known password', () => {
    expect(Object.keys(others)).toEqual(['prometheus', 'grafana']);
    for (const [name, one] of Object.entries(others)) {
      for (const port of one.ports ?? []) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(one).toMatchObject({ read_only: true, cap_drop: ['ALL'], networks: ['monitoring'] });
      expect(one.mem_limit, name).toMatch(/^\d+[mg]$/);
      expect(one.pids_limit, name).toBeGreaterThan(0);
      expect(one.healthcheck, name).toBeDefined();
    }
    expect(() => readCompose(MONITORING, SIMULATED)).toThrow(/GRAFANA_PASSWORD is missing a value/);
  });

  it("leads Prometheus to the worker's port, which is not published, and mounts files that exist", () => {
    const address = worker?.environment?.['NIGHTLOAD_METRICS_ADDRESS'];
    const scrape = sourceOf('docker/prometheus/prometheus.yml');
    expect(address).toBe(`0.0.0.0:${/port: (\d+)/.exec(scrape)?.[1]}`);
    expect(worker?.ports).toBeUndefined();
    expect(worker?.networks).toEqual(['temporal', 'monitoring']);
    for (const path of ['docker/prometheus/alerts.yml', 'docker/grafana/provisioning/dashboards/nightload.yml']) {
      expect(existsSync(resolve(REPOSITORY, path)), path).toBe(true);
    }
    expect(sourceOf('docker/grafana/provisioning/dashboards/nightload.yml')).toContain('path: /nightload/dashboards');
  });
});

describe(S3, () => {
  const variables = { ...SIMULATED, S3_SECRET_KEY: 'a random one' };
  const { services, networks, secrets } = readCompose(S3, variables);
  const { worker, s3 } = services;

  it('follows the compose specification', () => {
    // An overlay: the worker's image is in the other file.
    expect(lint(S3).filter((message) => !message.includes('worker'))).toEqual([]);
  });

  it('starts a store that only the workers reach, with limits, and without a well-known secret', () => {
    expect(Object.keys(services)).toEqual(['s3', 'worker']);
    expect(s3).toMatchObject({ read_only: true, cap_drop: ['ALL'], networks: ['s3'], user: '1000:1000' });
    expect(s3?.image).toBe(`ghcr.io/versity/versitygw:${VERSITYGW_VERSION}`);
    expect(s3?.ports).toBeUndefined();
    expect(s3?.mem_limit).toMatch(/^\d+[mg]$/);
    expect(s3?.pids_limit).toBeGreaterThan(0);
    expect(s3?.healthcheck).toBeDefined();
    expect(networks).toEqual({ s3: { internal: true } });
    expect(worker?.networks).toEqual(['temporal', 's3']);
    expect(() => readCompose(S3, SIMULATED)).toThrow(/S3_SECRET_KEY is missing a value/);
  });

  it('gives the workers the address, the keys and the certificate of the store', () => {
    const env = environmentOf(worker as Service);
    const { command = [], environment = {} } = s3 as Service;
    const option = (name: string): string | undefined =>
      command.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
    expect(env['AWS_ENDPOINT_URL_S3']).toBe(`https://s3${option('port')}`);
    expect(env['AWS_ACCESS_KEY_ID']).toBe(environment['ROOT_ACCESS_KEY']);
    expect(env['AWS_SECRET_ACCESS_KEY']).toBe(environment['ROOT_SECRET_KEY']);
    const targets = (from: Service | undefined): (string | undefined)[] =>
      (from?.secrets ?? []).map(({ target }) => target);
    expect(targets(s3)).toEqual([option('cert'), option('key')]);
    expect(targets(worker)).toEqual([env['NODE_EXTRA_CA_CERTS']]);
    expect(Object.keys(secrets ?? {})).toEqual(['s3-certificate', 's3-key']);
  });

  it('has the files that docker/s3-prepare.sh makes: a certificate for the name of the service, and the bucket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nightload-s3-'));
    try {
      const prepare = (): string =>
        spawnSync('sh', [resolve(REPOSITORY, 'docker/s3-prepare.sh'), folder], { encoding: 'utf8' }).stdout;
      expect(prepare()).toContain('is new');
      const pem = await readFile(join(folder, 'certificate.pem'), 'utf8');
      const certificate = new X509Certificate(pem);
      expect(certificate.checkHost('s3')).toBe('s3');
      expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
      expect(certificate.checkPrivateKey(createPrivateKey(await readFile(join(folder, 'key.pem'))))).toBe(true);
      expect(statSync(join(folder, 'key.pem')).mode & 0o077).toBe(0);
      expect(prepare()).toContain('is valid');
      expect(await readFile(join(folder, 'certificate.pem'), 'utf8')).toBe(pem);
      const { secrets: files, services: mounted } = readCompose(S3, { ...variables, NIGHTLOAD_STORE: folder });
      for (const { file } of Object.values(files ?? {})) expect(existsSync(file), file).toBe(true);
      const [mount] = mounted['s3']?.volumes ?? [];
      expect(mount).toMatchObject({ source: `${folder}/buckets`, bind: { create_host_path: false } });
      const [root] = environmentOf(worker as Service)['NIGHTLOAD_S3_ROOTS']?.split(',') ?? [];
      expect(existsSync(join(folder, 'buckets', new URL(root ?? '').host))).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('scripts/pin-images.mjs', () => {
  it('reports outdated digests, and writes the new ones', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nightload-pins-'));
    try {
      for (const file of [...COMPOSE_FILES, MONITORING, S3, 'Dockerfile'])
        await writeFile(join(folder, file), sourceOf(file));
      // Docker, as the script calls it: PostgreSQL's tag has moved.
      const digest = `sha256:${'a'.repeat(64)}`;
      const known = [...COMPOSE_FILES, 'Dockerfile'].flatMap((file) => [
        ...sourceOf(file).matchAll(/([\w./-]+:[\w.-]+)@(sha256:[0-9a-f]{64})/g),
      ]);
      const cases = known.map(
        ([, image = '', now = '']) => `${image}) echo ${image.startsWith('postgres') ? digest : now};;`,
      );
      // Not pinned yet.
      const unpinned = [MONITORING, S3].flatMap((file) =>
        [...sourceOf(file).matchAll(/image: (\S+)$/gm)].map(([, image = '']) => ({ file, image })),
      );
      cases.push(...unpinned.map(({ image }) => `${image}) echo ${digest};;`));
      const docker = `#!/bin/sh\ncase "$4" in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`;
      await writeFile(join(folder, 'docker'), docker, { mode: 0o755 });
      const run = (...words: string[]) =>
        spawnSync(process.execPath, [resolve(REPOSITORY, 'scripts/pin-images.mjs'), ...words], {
          encoding: 'utf8',
          env: { PATH: [folder, '/usr/bin', '/bin'].join(delimiter), NIGHTLOAD_PIN_ROOT: folder },
        });
      const first = run();
      expect([first.status, first.stderr.trim().split('\n')]).toEqual([
        1,
        [
          expect.stringMatching(/^docker-compose.yml: postgres:.* is now @sha256:a{64}$/),
          ...unpinned.map(({ file, image }) => `${file}: ${image} is now @${digest}`),
          'Run it with --write.',
        ],
      ]);
      expect(run('--write').status).toBe(0);
      expect(run()).toMatchObject({ status: 0, stderr: 'All digests are those of their tags.\n' });
      const written = await readFile(join(folder, 'docker-compose.yml'), 'utf8');
      expect(written.replace(digest, '')).toBe(sourceOf('docker-compose.yml').replace(/(postgres:[\w.-]+@)\S+/, '$1'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the image', () => {
  it('has the only health check of the worker', () => {
    const [check] = stepsOf(readDockerfile().at(-1), 'HEALTHCHECK');
    expect(check?.words).toEqual(['node', '/app/docker/worker-health.mjs']);
  });
});
