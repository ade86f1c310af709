/** Asks a person a question with yes or no. */
import { createInterface } from 'node:readline/promises';
import { forTerminal } from './output.js';

/** True without a terminal: nobody is there to answer. */
export async function confirmed(question: string, isSure = false): Promise<boolean> {
  if (isSure || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((done) => lines.once('close', () => done('')));
  try {
    const answer = await Promise.race([lines.question(`${forTerminal(question)} [y/N] `), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
