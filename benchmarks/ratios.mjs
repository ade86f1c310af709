// The ratios that matter, as one Markdown table: what is compared with what, and the result.
import { times } from './table.mjs';

/** @param report as written to the JSON file; parts that did not run are left out */
export function ratiosOf({ machine, load = {}, overhead, parallel, scanner }) {
  const rows = [];
  for (const [size, { middle, parts, sizeMB }] of Object.entries(load)) {
    const { curl, nightload } = middle;
    const jobs = `${parts} ${parts === 1 ? 'job' : 'jobs'}`;
    rows.push([`${size}, ${jobs}: whole load, command included, of curl`, times(nightload.command / curl.seconds)]);
    rows.push([`${size}: processor time, of curl`, times(nightload.processor / curl.processor)]);
    rows.push([`${size}: processor time per GB up`, `${((nightload.processor * 1000) / sizeMB).toFixed(2)} s`]);
    if (parts > 1) continue;
    rows.push([`${size}: upload, download and count, of curl`, times(nightload.moving / curl.moving)]);
    rows.push([`${size}: everything else`, `${(nightload.command - nightload.moving).toFixed(2)} s`]);
    rows.push([
      `${size}: of which before and after the workflow`,
      `${(nightload.command - nightload.seconds).toFixed(2)} s`,
    ]);
  }
  if (overhead !== undefined) {
    const { serial, twoAtATime } = overhead.secondsPerFurtherPart;
    rows.push(['a further part of 1 MB, one at a time', `${serial.toFixed(2)} s`]);
    rows.push(['a further part of 1 MB, two at a time', `${twoAtATime.toFixed(2)} s`]);
  }
  if (parallel !== undefined) {
    rows.push(['1GB, eight jobs at a time: speed, of one at a time', times(parallel.one / parallel.eight)]);
  }
  for (const [kind, { wc, scanner: speed, counting, planning }] of Object.entries(scanner ?? {})) {
    rows.push([`finding records, ${kind}: of wc -l`, `${Math.round((100 * speed) / wc)} %`]);
    rows.push([`counting records, ${kind}: of wc -l`, `${Math.round((100 * counting) / wc)} %`]);
    rows.push([`planning, ${kind}: of wc -l`, `${Math.round((100 * planning) / wc)} %`]);
  }
  const head = `Ratios of ${machine.date}, load average at the start ${machine.loadAverage.join(', ')}:`;
  return [
    head,
    '',
    '| what | measured |',
    '| --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
}
