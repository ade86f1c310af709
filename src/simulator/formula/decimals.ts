/**
 * The numbers of formulas: decimals of 40 digits that round halves away from zero, as on the platform. Time and memory
 * are bounded, whatever the exponent: what is larger than 10^10,000 is an error, what is smaller than 10^-10,000 is 0.
 */
import { Decimal as AnyDecimal } from 'decimal.js';
import { EvaluationError } from './evaluation-error.js';

export const Decimal = AnyDecimal.clone({
  precision: 40,
  rounding: AnyDecimal.ROUND_HALF_UP,
  modulo: AnyDecimal.ROUND_DOWN,
  maxE: 10_000,
  minE: -10_000,
});
export type Decimal = AnyDecimal;

const ZERO = new Decimal(0);

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Powers keep this many places, and more digits than other results. */
const POWER_PLACES = 42;
/** Powers of two literals are calculated when the rule is saved, with fewer digits. */
const LITERAL_POWER_DIGITS = 18;
const LARGEST_POWER = new Decimal('1e64');
const SMALLEST_POWER = new Decimal('1e-39');
const LARGEST_EXPONENT = 2 ** 31;
/** What FLOOR and CEILING take as whole differs in later digits only. */
const WHOLE_DIGITS = 33;
const LARGEST_QUOTIENT = new Decimal('1e39');
/** More than any number has. */
const MAX_PLACES = 50_000;

const Power = Decimal.clone({ precision: 110 });

export const isNumeral = (text: string): boolean => NUMBER.test(text);

/** Undefined for what is not a number. @throws EvaluationError */
export function decimalOf(text: string): Decimal | undefined {
  if (!isNumeral(text)) return undefined;
  return finite(new Decimal(text.startsWith('+') ? text.slice(1) : text).toSignificantDigits(Decimal.precision));
}

/** @throws EvaluationError */
export function finite(value: Decimal): Decimal {
  if (!value.isFinite()) throw new EvaluationError('Number out of range');
  return value;
}

/** @throws EvaluationError */
export function divided(one: Decimal, other: Decimal): Decimal {
  if (other.isZero()) throw new EvaluationError(one.isZero() ? 'Division undefined' : 'Division by zero');
  return finite(one.div(other));
}

/** The sign of the dividend; the dividend itself for a division by zero. @throws EvaluationError */
export function remainder(value: Decimal, by: Decimal): Decimal {
  if (by.isZero()) return value;
  // Bounds the work: without it, the quotient of 10^9999 and 3 has as many digits.
  if (value.div(by).abs().gte(LARGEST_QUOTIENT)) throw new EvaluationError('Division impossible');
  return value.mod(by);
}

/** Whole exponents only. @throws EvaluationError */
export const power = (base: Decimal, exponent: Decimal): Decimal =>
  new Decimal(raised(base, exponent).toDecimalPlaces(POWER_PLACES));

/** A power of two literals, which the platform calculates when the rule is saved. @throws EvaluationError */
export function literalPower(base: Decimal, exponent: Decimal): Decimal {
  const result = raised(base, exponent);
  return result.abs().lt(SMALLEST_POWER) ? ZERO : new Decimal(result.toSignificantDigits(LITERAL_POWER_DIGITS));
}

function raised(base: Decimal, exponent: Decimal): Decimal {
  if (!exponent.isInteger() || exponent.abs().gte(LARGEST_EXPONENT)) throw outOfPower();
  if (exponent.isZero()) return new Decimal(1);
  if (base.isZero()) {
    if (exponent.isNegative()) throw outOfPower();
    return ZERO;
  }
  // Before the work is done.
  const magnitude = magnitudeOf(base) * exponent.toNumber();
  if (magnitude > 65) throw outOfPower();
  if (magnitude < -POWER_PLACES - 1) return ZERO;
  const result = new Power(base).pow(exponent);
  if (result.abs().gt(LARGEST_POWER)) throw outOfPower();
  return result;
}

/** The common logarithm, about. */
function magnitudeOf(value: Decimal): number {
  const [digits, exponent] = value.abs().toExponential(15).split('e');
  return Math.log10(Number(digits)) + Number(exponent);
}

const outOfPower = (): EvaluationError => new EvaluationError('Out of range argument to POWER() function');

/** A number that rounds to fewer than one digit is 0, also ROUND(5, -1). */
export function rounded(value: Decimal, digits: Decimal): Decimal {
  const places = Math.max(-MAX_PLACES, Math.min(MAX_PLACES, digits.trunc().toNumber()));
  if (places >= 0) return value.toDecimalPlaces(places);
  const kept = value.e + 1 + places;
  return value.abs().lt(1) || kept <= 0 ? ZERO : value.toSignificantDigits(kept);
}

/** Without the last digits, so that 1/3*3 counts as whole. */
const nearlyWhole = (value: Decimal, halves: AnyDecimal.Rounding): Decimal =>
  value.toSignificantDigits(WHOLE_DIGITS, halves);
const down = (value: Decimal): Decimal => nearlyWhole(value, AnyDecimal.ROUND_HALF_UP);
const up = (value: Decimal): Decimal => nearlyWhole(value, AnyDecimal.ROUND_HALF_DOWN);

export const towardsZero = (value: Decimal): Decimal => down(value).trunc();
export const awayFromZero = (value: Decimal): Decimal => up(value).toDecimalPlaces(0, AnyDecimal.ROUND_UP);
export const floor = (value: Decimal): Decimal => down(value).floor();
export const ceiling = (value: Decimal): Decimal => up(value).ceil();

/** As precise as a double. @throws EvaluationError */
export function squareRoot(value: Decimal): Decimal {
  if (value.isNegative() && !value.isZero()) throw new EvaluationError('Square root of a negative number');
  const root = Math.sqrt(value.toNumber());
  return finite(new Decimal(root));
}

/** As TEXT shows it: never with an exponent, and without the 0 before the point. */
export function shownNumber(value: Decimal): string {
  if (value.isZero()) return '0';
  // The platform keeps two digits in one: a number begins with one or with two digits of its 40.
  const digits = value.e % 2 === 0 ? Decimal.precision - 1 : Decimal.precision;
  return value
    .toSignificantDigits(digits)
    .toFixed()
    .replace(/^(-?)0\./, '$1.');
}
