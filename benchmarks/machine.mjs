// The machine of the measurement.
import { cpus, loadavg, release, totalmem, type } from 'node:os';

export function machine() {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    node: process.version,
    system: `${type()} ${release()}`,
    processor: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
    memoryGB: Math.round(totalmem() / 1e9),
    // More than one at the start of a run means that other programs use the machine too.
    loadAverage: loadavg().map((value) => Number(value.toFixed(1))),
  };
}
