/** The alert rules and the dashboard use only metrics and labels that exist, and the docs describe every metric. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { METRICS, PROCESS_METRICS } from '../../../../src/domain/metrics.js';
import { REPOSITORY } from '../../../containers/compose.js';

const METRICS_OF_ALL: Record<string, { kind: string; labels: readonly string[] }> = { ...METRICS, ...PROCESS_METRICS };
/** Set by the SDK, by Prometheus, or by both. */
const FOREIGN_LABELS = ['namespace', 'task_queue', 'instance', 'job', 'le'];

const sourceOf = (path: string): string => readFileSync(resolve(REPOSITORY, path), 'utf8');

const RULES = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() }).loose()) })),
});
const DASHBOARD = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() }).loose()) }).loose()),
});

const alerts = RULES.parse(parse(sourceOf('docker/prometheus/alerts.yml'))).groups.flatMap(({ rules }) => rules);
const { panels } = DASHBOARD.parse(JSON.parse(sourceOf('docker/grafana/dashboards/nightload.json')));
const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** Names of series that an expression selects; those of a histogram end with its parts. */
function metricsOf(expr: string): string[] {
  return [...expr.matchAll(/\bnightload_\w+/g)].map(([name]) => {
    const family = name.replace(/_(?:bucket|sum|count)$/, '');
    return METRICS_OF_ALL[family]?.kind === 'histogram' && family !== name ? family : name;
  });
}

/** Labels in selectors and in `by (…)`. */
function labelsOf(expr: string): string[] {
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  );
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside = '']) => inside.split(/,\s*/));
  return [...selected, ...grouped];
}

describe.each(expressions)('%s', (_name, expr) => {
  it('uses only metrics and labels that exist', () => {
    const names = metricsOf(expr);
    for (const name of names) expect(Object.keys(METRICS_OF_ALL)).toContain(name);
    expect(names.length > 0 || expr.includes('up{')).toBe(true);
    const labels = [...FOREIGN_LABELS, ...names.flatMap((name) => METRICS_OF_ALL[name]?.labels ?? [])];
    for (const label of labelsOf(expr)) expect(labels).toContain(label);
  });
});

it('the dashboard shows every metric', () => {
  const shown = new Set(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr))));
  expect([...shown].sort()).toEqual(Object.keys(METRICS_OF_ALL).sort());
});

it('docs/monitoring.md describes every metric with its labels, and every alert', () => {
  const text = sourceOf('docs/monitoring.md');
  for (const [name, { labels }] of Object.entries(METRICS_OF_ALL)) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    expect(row, name).not.toBe('');
    for (const label of labels) expect(row, name).toContain(`\`${label}\``);
  }
  for (const { alert } of alerts) expect(text).toContain(`\`${alert}\``);
});

it.each(Object.entries(METRICS_OF_ALL))("%s follows Prometheus' naming rules", (name, { kind }) => {
  expect(name).toMatch(/^nightload_[a-z]+(_[a-z]+)*$/);
  expect(name.endsWith('_total')).toBe(kind === 'counter');
});
