/** The Dockerfile as a list of stages and steps. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { REPOSITORY } from './compose.js';

export interface Step {
  /** `RUN`, `COPY`, … */
  name: string;
  text: string;
  /** The arguments of the JSON form. */
  words?: string[];
}

export interface Stage {
  from: string;
  name?: string;
  steps: Step[];
}

export function readDockerfile(): Stage[] {
  const lines = readFileSync(resolve(REPOSITORY, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: Stage[] = [];
  const args = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [from = '', , alias] = text.split(/\s+/);
      const image = from.replace(/\$\{(\w+)\}/, (_all, arg: string) => args.get(arg) ?? '');
      stages.push({ from: image, ...(alias !== undefined && { name: alias }), steps: [] });
    } else if (name === 'ARG' && stages.length === 0) {
      const [arg = '', value = ''] = text.split('=');
      args.set(arg, value);
    } else {
      const json = /\[.*\]$/.exec(text)?.[0];
      stages.at(-1)?.steps.push({ name, text, ...(json !== undefined && { words: JSON.parse(json) as string[] }) });
    }
  }
  return stages;
}

export function stepsOf(stage: Stage | undefined, name: string): Step[] {
  return (stage?.steps ?? []).filter((step) => step.name === name);
}

/** The files of the repository in the build context, by the `.dockerignore` rules that this project uses. */
export function inContext(files: readonly string[]): string[] {
  const rules = readFileSync(resolve(REPOSITORY, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*' || rules.slice(1).some((rule) => !/^![\w./-]+$/.test(rule))) {
    throw new Error('.dockerignore is expected to leave everything out and to name what comes in');
  }
  const kept = rules.slice(1).map((rule) => rule.slice(1));
  return files.filter((file) => kept.some((path) => file === path || file.startsWith(`${path}/`)));
}
