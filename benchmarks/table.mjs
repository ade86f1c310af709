// Formats numbers for people: medians, and Markdown tables.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Medians of all numbers that the runs have in common. */
export function medians(runs) {
  const names = Object.keys(runs[0] ?? {}).filter((name) => typeof runs[0][name] === 'number');
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]))]));
}

export const seconds = (value) => (value === undefined ? '–' : `${value.toFixed(2)} s`);
export const megabytes = (value) => (value === undefined ? '–' : `${Math.round(value)} MB`);
export const percent = (value) => `${(100 * value).toFixed(1)} %`;
export const times = (value) => `${value.toFixed(2)} ×`;

export function printTable(title, columns, rows) {
  const widths = columns.map((name, n) => Math.max(name.length, ...rows.map((row) => String(row[n]).length)));
  const line = (cells) => `| ${cells.map((cell, n) => String(cell).padEnd(widths[n])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  console.log(`\n${title}\n\n${[line(columns), rule, ...rows.map(line)].join('\n')}`);
}
