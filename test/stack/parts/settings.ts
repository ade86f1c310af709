/** The environment and the commands of the compose files, with this machine's addresses and folders in their place. */
import { environmentOf, readCompose, service } from '../../containers/compose.js';
import type { Service } from '../../containers/compose.js';

/** One after the other, as `docker compose -f … -f …` merges them. */
const FILES = ['docker-compose.yml', 'docker-compose.s3.yml', 'docker-compose.monitoring.yml'];

const VARIABLES = {
  NIGHTLOAD_ORG_ENV: './docker/simulated-org.env',
  POSTGRES_PASSWORD: 'only-on-loopback',
  S3_SECRET_KEY: 'only-on-loopback',
  GRAFANA_PASSWORD: 'not used here',
};

function definitions(name: string): Service[] {
  const found = FILES.map((file) => readCompose(file, VARIABLES)).filter(({ services }) => name in services);
  return found.map((compose) => service(compose, name));
}

/** A setting that the stack replaces must be one that compose has: otherwise the two differ. */
export function environment(name: string, replaced: Record<string, string>): NodeJS.ProcessEnv {
  const composed = Object.assign({}, ...definitions(name).map(environmentOf)) as Record<string, string>;
  const unknown = Object.keys(replaced).filter((variable) => !(variable in composed));
  if (unknown.length > 0) throw new Error(`compose gives ${name} no ${unknown.join()}`);
  const { PATH, HOME } = process.env;
  return { PATH, HOME, ...composed, ...replaced };
}

/** The words of a service's command, with replacements of whole values. */
export function command(name: string, replaced: Record<string, string>): string[] {
  const words = definitions(name).find(({ command: found }) => found !== undefined)?.command ?? [];
  const left = new Set(Object.keys(replaced));
  const result = words.map((word) => {
    const [key, value] = word.includes('=')
      ? [word.slice(0, word.indexOf('=') + 1), word.split('=')[1] ?? '']
      : ['', word];
    const other = replaced[value];
    left.delete(value);
    return other === undefined ? word : `${key}${other}`;
  });
  if (left.size > 0) throw new Error(`compose's command of ${name} has no ${[...left].join()}`);
  return result;
}
