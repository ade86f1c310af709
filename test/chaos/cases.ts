/** All cases of the long form; those that mostly wait come first, so that they run in parallel with the others. */
import { faultCases, moreFaultCases } from './fault-cases.js';
import { killCases } from './kill-cases.js';
import { operatorCases } from './operator-cases.js';
import type { Case } from './types.js';

export function allCases(): Case[] {
  const cases = [...faultCases(), ...moreFaultCases(), ...killCases(), ...operatorCases()];
  return [...cases.filter(({ slow }) => slow), ...cases.filter(({ slow }) => slow !== true)];
}
