/** The few functions of the normal distribution that a forecast needs. Pure. */

/** Mean and standard deviation; of logarithms wherever it describes a speed or a duration. */
export interface Spread {
  mean: number;
  sd: number;
}

/** 80 % of a normal distribution lie within so many standard deviations of its mean. */
export const EIGHTY_PERCENT = 1.2816;

/** Probability of a value above `x`; Abramowitz and Stegun 26.2.17, exact to 1e-7. */
export function chanceAbove(x: number, { mean, sd }: Spread): number {
  const z = (x - mean) / Math.max(sd, 1e-9);
  const t = 1 / (1 + 0.231_641_9 * Math.abs(z));
  const polynomial =
    t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = Math.exp((-z * z) / 2) * 0.398_942_28 * polynomial;
  return z >= 0 ? tail : 1 - tail;
}

/** Two estimates of the same value: the more certain one counts more. */
export function combined(one: Spread, other: Spread): Spread {
  const [a, b] = [1 / one.sd ** 2, 1 / other.sd ** 2];
  return { mean: (one.mean * a + other.mean * b) / (a + b), sd: Math.sqrt(1 / (a + b)) };
}

/** Of at least one number. */
export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
