/** PostgreSQL in a folder of its own, with online backups. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../../src/runtime/free-port.js';
import { Part } from './part.js';
import type { Programs } from './programs.js';
import { environment } from './settings.js';

export class Postgres {
  readonly part: Part;
  readonly port: number;
  readonly #programs: Programs;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #as: { uid: number; gid: number } | undefined;

  private constructor(programs: Programs, folder: string, port: number) {
    this.#programs = programs;
    this.#folder = folder;
    this.port = port;
    this.#as = process.getuid?.() === 0 ? userOf('postgres') : undefined;
    this.#env = environment('postgres', {});
    const program = join(programs.postgres, 'postgres');
    const args = ['-D', join(folder, 'data'), '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', folder];
    this.part = new Part(
      'postgres',
      { program, args, env: this.#env, cwd: folder, ...(this.#as && { as: this.#as }) },
      {
        logFile: `${folder}.log`,
        isReady: async () => (await answers(port)) && (await this.query('SELECT 1')).length === 1,
      },
    );
  }

  static async start(programs: Programs, folder: string): Promise<Postgres> {
    const postgres = new Postgres(programs, folder, await freePort());
    postgres.#initialize();
    await postgres.part.start();
    return postgres;
  }

  #initialize(): void {
    mkdirSync(this.#folder);
    const { POSTGRES_USER = '', POSTGRES_PASSWORD = '' } = this.#env;
    const passwordFile = join(this.#folder, 'password');
    writeFileSync(passwordFile, POSTGRES_PASSWORD);
    for (const path of [this.#folder, passwordFile]) if (this.#as) chownSync(path, this.#as.uid, this.#as.gid);
    // As the image does: passwords over TCP.
    const words = [`--username=${POSTGRES_USER}`, `--pwfile=${passwordFile}`, '--auth-host=scram-sha-256'];
    this.#run('initdb', ['-D', join(this.#folder, 'data'), '--encoding=UTF8', '--auth-local=trust', ...words]);
    rmSync(passwordFile);
  }

  #run(name: string, args: string[]): string {
    const { POSTGRES_PASSWORD = '' } = this.#env;
    return execFileSync(join(this.#programs.postgres, name), args, {
      cwd: this.#folder,
      encoding: 'utf8',
      env: { ...this.#env, PGPASSWORD: POSTGRES_PASSWORD },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...this.#as,
    });
  }

  get #address(): string[] {
    return ['-h', '127.0.0.1', '-p', String(this.port), '-U', this.#env['POSTGRES_USER'] ?? ''];
  }

  query(sql: string, database = 'postgres'): Promise<string[][]> {
    const words = [...this.#address, '-d', database, '-AtX', '-F', '\t', '-c', sql];
    const lines = this.#run('psql', words).trim().split('\n');
    return Promise.resolve(lines.filter((line) => line !== '').map((line) => line.split('\t')));
  }

  /** Of the whole cluster at one moment, while everything runs. */
  backUp(): void {
    rmSync(join(this.#folder, 'backup'), { recursive: true, force: true });
    this.#run('pg_basebackup', [...this.#address, '-D', join(this.#folder, 'backup'), '-X', 'stream', '-c', 'fast']);
  }

  /** Kills it, puts the backup in place of the data, and starts it. */
  async restore(): Promise<void> {
    await this.part.end();
    rmSync(join(this.#folder, 'data'), { recursive: true });
    execFileSync('cp', ['-a', join(this.#folder, 'backup'), join(this.#folder, 'data')]);
    await this.part.start();
  }

  /** Bytes of the tables of both databases with their indexes and large values, after a checkpoint. */
  async tableBytes(): Promise<number> {
    const sql =
      "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relnamespace = 'public'::regnamespace";
    const sizes = await Promise.all(['temporal', 'temporal_visibility'].map((database) => this.query(sql, database)));
    return sizes.reduce((sum, [row]) => sum + Number(row?.[0]), 0);
  }
}

function userOf(name: string): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' })));
  return { uid: uid ?? NaN, gid: gid ?? NaN };
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
