/** Temporal Server on PostgreSQL: its tables, the server, the namespace, as the compose file sets them up. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../../src/runtime/free-port.js';
import { REPOSITORY } from '../../containers/compose.js';
import { parseExposition } from '../../helpers/exposition.js';
import type { Exposition } from '../../helpers/exposition.js';
import { Part } from './part.js';
import type { Programs } from './programs.js';
import { environment } from './settings.js';

const run = promisify(execFile);

/** Ports of its four services, of their membership, and of its HTTP API. */
const PORTS = [
  ...['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER'].flatMap((name) => [`${name}_GRPC_PORT`, `${name}_MEMBERSHIP_PORT`]),
  'FRONTEND_HTTP_PORT',
];

/** PostgreSQL keeps the ports of its members as 16-bit numbers with a sign. */
async function lowPort(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const wanted = randomInt(15_000, 32_000);
    if ((await freePort(wanted)) === wanted) return wanted;
    if (attempt === 100) throw new Error('no port is free');
  }
}

export class Temporal {
  readonly part: Part;
  readonly address: string;
  readonly #metricsUrl: string;

  private constructor(part: Part, address: string, metricsUrl: string) {
    this.part = part;
    this.address = address;
    this.#metricsUrl = metricsUrl;
  }

  static async start(programs: Programs, folder: string, postgresPort: number): Promise<Temporal> {
    mkdirSync(folder);
    // The scripts of compose call the tools by name.
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    symlinkSync(programs.temporal, join(tools, 'temporal'));
    symlinkSync(programs.sqlTool, join(tools, 'temporal-sql-tool'));
    const script = async (service: string, name: string, replaced: Record<string, string>): Promise<void> => {
      const env = environment(service, replaced);
      await run('sh', [join(REPOSITORY, 'docker', name)], {
        cwd: folder,
        env: { ...env, PATH: [tools, env['PATH']].join(delimiter) },
        timeout: 180_000,
      });
    };
    const database = { SQL_HOST: '127.0.0.1', SQL_PORT: String(postgresPort) };
    await script('temporal-schema', 'temporal-schema.sh', database);

    const ports = Object.fromEntries(await Promise.all(PORTS.map(async (name) => [name, String(await lowPort())])));
    const metricsAddress = `127.0.0.1:${await freePort()}`;
    const address = `127.0.0.1:${ports['FRONTEND_GRPC_PORT']}`;
    const composed = environment('temporal', {
      POSTGRES_SEEDS: '127.0.0.1',
      DB_PORT: String(postgresPort),
      BIND_ON_IP: '127.0.0.1',
      DYNAMIC_CONFIG_FILE_PATH: join(REPOSITORY, 'docker/temporal-dynamic-config.yaml'),
    });
    const env = { ...composed, ...ports, PROMETHEUS_ENDPOINT: metricsAddress };
    const part = new Part(
      'temporal',
      { program: programs.temporalServer, args: ['start'], env, cwd: folder },
      { logFile: `${folder}.log`, isReady: () => isServing(programs.temporal, address) },
    );
    await part.start();
    await script('temporal-namespace', 'temporal-namespace.sh', { TEMPORAL_ADDRESS: address });
    return new Temporal(part, address, `http://${metricsAddress}/metrics`);
  }

  /** What the server counts, since it was last started. */
  async metrics(): Promise<Exposition> {
    return parseExposition(await (await fetch(this.#metricsUrl)).text());
  }
}

async function isServing(temporal: string, address: string): Promise<boolean> {
  // Cheaper than the command, which is only asked once something listens.
  const [host = '', port = ''] = address.split(':');
  const listens = await new Promise<boolean>((done) => {
    const socket = connect(Number(port), host, () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
  if (!listens) return false;
  const { stdout } = await run(temporal, ['operator', 'cluster', 'health', '--address', address], { timeout: 5_000 });
  return stdout.includes('SERVING');
}
