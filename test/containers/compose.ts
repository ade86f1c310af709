/** The compose files as Docker Compose would read them with the given variables, by default the required ones only. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** As in the `.env` of docs/containers.md. */
export const SIMULATED = { NIGHTLOAD_ORG_ENV: './docker/simulated-org.env', POSTGRES_PASSWORD: 'a random one' };
export const COMPOSE_FILES = ['docker-compose.yml', 'docker-compose.dev.yml'];

export interface Service {
  image: string;
  build?: string;
  pull_policy?: string;
  profiles?: string[];
  hostname?: string;
  entrypoint?: string[];
  command?: string[];
  init?: boolean;
  user?: string;
  network_mode?: string;
  env_file?: string;
  secrets?: { source: string; target: string }[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: (string | { type: string; source: string; target: string; bind?: { create_host_path?: boolean } })[];
  tmpfs?: string[];
  read_only?: boolean;
  networks?: string[];
  mem_limit?: string;
  pids_limit?: number;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string; restart?: boolean }>;
  restart?: string;
  stop_grace_period?: string;
  logging?: { driver: string; options: Record<string, string> };
  security_opt?: string[];
  cap_drop?: string[];
  cap_add?: string[];
}

export interface ComposeFile {
  name: string;
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks?: Record<string, { internal?: boolean } | null>;
  secrets?: Record<string, { file: string }>;
}

type Variables = Record<string, string>;

/** `${NAME:-default}`, `${NAME-default}` and `${NAME:?message}`. */
function interpolated(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') {
    return value.replace(
      /\$\{(\w+)(:?)([-?])([^}]*)\}/g,
      (_all, name: string, colon: string, kind: string, rest: string) => {
        const given = variables[name];
        if (given !== undefined && (colon === '' || given !== '')) return given;
        if (kind === '?') throw new Error(`required variable ${name} is missing a value: ${rest}`);
        return rest;
      },
    );
  }
  if (Array.isArray(value)) return value.map((item) => interpolated(item, variables));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolated(item, variables)]));
  }
  return value;
}

export function readCompose(file: string, variables: Variables = SIMULATED): ComposeFile {
  const text = readFileSync(resolve(REPOSITORY, file), 'utf8');
  return interpolated(parse(text, { merge: true }), variables) as ComposeFile;
}

export function service({ services }: ComposeFile, name: string): Service {
  const found = services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

/** `NAME=value` lines, with or without quotes. */
export function readEnvFile(file: string): Variables {
  const lines = readFileSync(resolve(REPOSITORY, file), 'utf8').split('\n');
  return Object.fromEntries(
    lines
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1).replace(/^(['"])(.*)\1$/, '$2')];
      }),
  );
}

/** The environment of a process in this service. */
export function environmentOf({ env_file, environment }: Service): Variables {
  return { ...(env_file !== undefined && readEnvFile(env_file)), ...environment };
}

/** `1m`, `30s` in seconds. */
export function seconds(duration: string): number {
  const [, minutes = '0', rest = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  return Number(minutes) * 60 + Number(rest);
}
