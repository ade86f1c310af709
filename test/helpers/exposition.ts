/** Reads Prometheus' text format strictly: a line that does not belong fails the test. */

interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  series: Series[];
  /** `TYPE` by metric. */
  types: Record<string, string>;
  help: Record<string, string>;
  /** Sum of the series of a name that have all of these labels; 0 if there is none. */
  sum(name: string, labels?: Record<string, string>): number;
}

const SERIES = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/gy;

export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line has no line end');
  const series: Series[] = [];
  const types: Record<string, string> = {};
  const help: Record<string, string> = {};
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, keyword, metric = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      const entries = keyword === 'TYPE' ? types : help;
      if (entries[metric] !== undefined) throw new Error(`a second ${keyword} of ${metric}`);
      entries[metric] = rest;
      continue;
    }
    const [, name, labels = '', value = ''] = SERIES.exec(line) ?? [];
    if (name === undefined || Number.isNaN(numberOf(value))) throw new Error(`not a line of the format: ${line}`);
    const family = name.replace(/_(?:bucket|sum|count)$/, '');
    if (types[name] === undefined && types[family] === undefined) throw new Error(`no TYPE before ${line}`);
    series.push({ name, labels: parseLabels(labels), value: numberOf(value) });
  }
  const keys = series.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  if (new Set(keys).size !== keys.length) throw new Error('the same series twice');
  return {
    series,
    types,
    help,
    sum: (name, labels = {}) =>
      series
        .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
        .reduce((sum, { value }) => sum + value, 0),
  };
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '' ? NaN : Number(text);
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let read = 0;
  for (const [whole, name = '', value = ''] of text.matchAll(LABEL)) {
    labels[name] = value;
    read += whole.length;
  }
  if (read !== text.length) throw new Error(`not labels: ${text}`);
  return labels;
}
