/** The functions of formulas that the simulated org knows. */
import { conversionFunctions } from './functions-conversion.js';
import { dateFunctions } from './functions-dates.js';
import { logicFunctions } from './functions-logic.js';
import { numberFunctions } from './functions-numbers.js';
import { textFunctions } from './functions-text.js';
import type { FormulaFunction } from './function-kinds.js';

export const FUNCTIONS: Readonly<Record<string, FormulaFunction>> = {
  ...logicFunctions,
  ...textFunctions,
  ...numberFunctions,
  ...dateFunctions,
  ...conversionFunctions,
};
