/** Options of a simulated org. */
import type { AllocationLimits } from './org/allocation.js';
import {
  aFunction,
  aKey,
  aNumber,
  anything,
  check,
  either,
  flag,
  listOf,
  text,
  texts,
  whole,
} from './http/json-shape.js';
import type { Shape } from './http/json-shape.js';
import type { Fault } from './http/faults.js';
import type { JobWorld } from './jobs/job-types.js';
import type { OAuthOptions } from './auth/oauth.js';
import type { RowRule } from './org-folder/object-file.js';
import { QUIRK_KINDS } from './quirks.js';
import type { Quirks } from './quirks.js';

export interface SimulatorOptions {
  /** @default 0, any free one */
  port?: number;
  /** Key of the control API. @default a random one */
  controlKey?: string;
  /** Additional values of `Host`, for a test proxy that leads here. @default none: loopback with the port */
  hosts?: readonly string[];
  /** An access token that is valid from the start. @default '00D000000000001AAA!simulated' */
  token?: string;
  /** The org's clock, in milliseconds; read with every request. @default Date.now */
  now?: () => number | Promise<number>;
  /** The same seed gives the same order of result rows. @default 1 */
  seed?: number;
  /** Time between the close of a job and its start; a range for a random one. @default 200 */
  queueDelayMs?: number | readonly [from: number, to: number];
  /** Speed of each job; of a described org: of all jobs together, for objects without a speed. @default 20,000 */
  recordsPerSecond?: number;
  /** An additional row rule: returns an error such as `CODE:message:Field --`. */
  rowOutcome?: JobWorld['rowOutcome'];
  /** Choices for platform behavior that no source documents. */
  quirks?: Partial<Quirks>;
  /** Rolling 24-hour allocations, and storage. */
  limits?: AllocationLimits;
  /** Settings of the token endpoint. */
  oauth?: OAuthOptions;
  /** Lifetime of access tokens, including the initial one. @default Infinity */
  tokenLifetimeMs?: number;
  /** Number of requests that an access token allows, including the initial one. @default Infinity */
  tokenRequests?: number;
  /** Whether the user may hardDelete. @default true */
  hardDelete?: boolean;
  /** `Object.Field` that the user may not see. @default none */
  hiddenFields?: readonly string[];
  /** Maximum bytes of an upload. @default 112,500,000: 150 MB as base64 */
  maxUploadBytes?: number;
  /** API versions of the org. @default 31 to 68 */
  apiVersions?: readonly number[];
  /** Versions up to `upTo` announce their end in every reply, with `end` in the platform's wording. @default none */
  deprecation?: { upTo: number; end: string };
  /** Folder that describes the org, instead of the fixed one: `org.json` and `objects/<ApiName>.json`. */
  org?: string;
  /** Folder that keeps records and jobs over a restart. */
  data?: string;
  /** CSV files with records that the org has from the start, by object, in the order in which they are read. */
  seedRecords?: Readonly<Record<string, string>>;
  /**
   * Objects whose records exist as soon as a row refers to them by id or, as a parent, by external id: for an org
   * whose records are not known. @default none
   */
  assumedRecords?: readonly string[];
  /** Additional rows that fail, by object: see `rowRules` of the folder. */
  rowRules?: Readonly<Record<string, readonly RowRule[]>>;
  /** Faults that are pending from the start. */
  faults?: readonly Fault[];
}

export const SIMULATOR_TOKEN = '00D000000000001AAA!simulated';
/** The platform's limit of 150 MB counts an upload as base64, which is a third longer. */
export const MAX_UPLOAD_BYTES = 112_500_000;
/** Limit for all other bodies: a job that includes its rows has 100,000 characters of them. */
export const MAX_BODY_BYTES = 1_000_000;

/** The versions of an org after the release Winter '27. */
export const API_VERSIONS: readonly number[] = Array.from({ length: 68 - 31 + 1 }, (_, i) => 31 + i);

const isAllocation = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([name, one]) => ['max', 'used'].includes(name) && whole.fits(one)) &&
  'max' in value;
const allocation = either(whole, { words: '{ max, used } of whole numbers', fits: isAllocation });
const LIMITS: Shape<AllocationLimits> = {
  apiRequests: allocation,
  batches: allocation,
  records: allocation,
  dataStorageMB: aNumber,
};

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
  // Validated separately.
  quirks: anything,
  limits: anything,
  oauth: anything,
  tokenLifetimeMs: aNumber,
  tokenRequests: whole,
  hardDelete: flag,
  hiddenFields: listOf(text),
  maxUploadBytes: aNumber,
  apiVersions: listOf(whole),
  // Validated separately.
  deprecation: anything,
  org: text,
  data: text,
  seedRecords: texts,
  assumedRecords: listOf(text),
  // Validated with the objects of the org.
  rowRules: anything,
  faults: listOf(anything),
};

/** Options may come from a file, without type checks. @throws Error that describes the problem */
export function checkOptions(options: SimulatorOptions): void {
  check('options', options, OPTIONS);
  check('quirks', options.quirks ?? {}, QUIRK_KINDS);
  check('limits', options.limits ?? {}, LIMITS);
  check('oauth', options.oauth ?? {}, OAUTH);
  if (options.deprecation !== undefined) check('deprecation', options.deprecation, { upTo: whole, end: text });
}
