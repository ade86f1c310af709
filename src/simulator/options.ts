/** How a simulated org is set up. */
import type { AllocationLimits } from './allocation.js';
import { aFunction, aKey, aNumber, anything, check, either, flag, listOf, text, whole } from './checks.js';
import type { Shape } from './checks.js';
import type { Fault } from './faults.js';
import type { JobWorld } from './job-types.js';
import type { OAuthOptions } from './oauth.js';
import { QUIRK_KINDS } from './quirks.js';
import type { Quirks } from './quirks.js';

export interface SimulatorOptions {
  /** @default 0, any free one */
  port?: number;
  /** Opens the control door. @default a random one */
  controlKey?: string;
  /** Further values of `Host`, under which a proxy of a test leads here. @default none: loopback with the port */
  hosts?: readonly string[];
  /** An access token that is accepted from the beginning. @default '00D000000000001AAA!simulated' */
  token?: string;
  /** The org's clock, in milliseconds; looked at with every request. @default Date.now */
  now?: () => number | Promise<number>;
  /** Same seed, same order of result rows. @default 1 */
  seed?: number;
  /** Between the close of a job and its begin; from … to for a random one. @default 200 */
  queueDelayMs?: number | readonly [from: number, to: number];
  /** Of each job. @default 20,000 */
  recordsPerSecond?: number;
  /** A further row rule: gives an error such as `CODE:message:Field --`. */
  rowOutcome?: JobWorld['rowOutcome'];
  /** Choices where no source settles what the platform does. */
  quirks?: Partial<Quirks>;
  /** Rolling 24-hour allocations, and storage. */
  limits?: AllocationLimits;
  /** What the token endpoint knows. */
  oauth?: OAuthOptions;
  /** How long access tokens live, the ready one too. @default Infinity */
  tokenLifetimeMs?: number;
  /** How many requests an access token is good for, the ready one too. @default Infinity */
  tokenRequests?: number;
  /** Whether the user may hardDelete. @default true */
  hardDelete?: boolean;
  /** `Object.Field` that the user may not see. @default none */
  hiddenFields?: readonly string[];
  /** Bytes of one upload. @default 150,000,000 */
  maxUploadBytes?: number;
  /** API versions of the org. @default 31 to 66 */
  apiVersions?: readonly number[];
  /** Versions up to `upTo` announce their end in every reply, `end` in the platform's words. @default none */
  deprecation?: { upTo: number; end: string };
  /** Faults that wait from the beginning. */
  faults?: readonly Fault[];
}

export const SIMULATOR_TOKEN = '00D000000000001AAA!simulated';
export const MAX_UPLOAD_BYTES = 150_000_000;
/** Of every other body: a job that brings its rows along has 100,000 characters of them. */
export const MAX_BODY_BYTES = 1_000_000;

/** The versions that an org of 2026 has. */
export const API_VERSIONS: readonly number[] = Array.from({ length: 66 - 31 + 1 }, (_, i) => 31 + i);

const LIMITS: Shape<AllocationLimits> = { apiRequests: whole, batches: whole, records: whole, dataStorageMB: aNumber };

const OAUTH: Shape<OAuthOptions> = {
  clientId: text,
  clientSecret: text,
  username: text,
  publicKey: text,
  audiences: listOf(text),
  assertionMaxAheadMs: aNumber,
  refreshTokens: listOf(text),
  rotateRefreshTokens: flag,
};

const OPTIONS: Shape<SimulatorOptions> = {
  port: whole,
  controlKey: aKey,
  hosts: listOf(text),
  token: text,
  now: aFunction,
  seed: aNumber,
  queueDelayMs: either(aNumber, listOf(aNumber, 2)),
  recordsPerSecond: aNumber,
  rowOutcome: aFunction,
  // Checked by themselves.
  quirks: anything,
  limits: anything,
  oauth: anything,
  tokenLifetimeMs: aNumber,
  tokenRequests: whole,
  hardDelete: flag,
  hiddenFields: listOf(text),
  maxUploadBytes: aNumber,
  apiVersions: listOf(whole),
  // Checked by itself.
  deprecation: anything,
  faults: listOf(anything),
};

/** Options may come from a file, where nobody checks names and types. @throws Error that says what is wrong */
export function checkOptions(options: SimulatorOptions): void {
  check('options', options, OPTIONS);
  check('quirks', options.quirks ?? {}, QUIRK_KINDS);
  check('limits', options.limits ?? {}, LIMITS);
  check('oauth', options.oauth ?? {}, OAUTH);
  if (options.deprecation !== undefined) check('deprecation', options.deprecation, { upTo: whole, end: text });
}
