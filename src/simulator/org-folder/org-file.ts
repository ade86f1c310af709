/** `org.json`: what is true of the whole org. */
import type { Allocation } from '../org/allocation.js';
import { about, either, flag, listOf, mapOf, number, objectOf, oneOf, text, time, whole } from './shape.js';

const FORMAT_VERSION = 1;

export interface OrgUser {
  username: string;
  name?: string;
  email?: string;
  /** "Bulk API Hard Delete". */
  hardDelete?: boolean;
  /** "Manage Data Integrations": may abort and delete jobs of other users. */
  manageDataIntegrations?: boolean;
  /** API names. */
  hiddenObjects?: string[];
  /** `Object.Field`. */
  hiddenFields?: string[];
  readOnlyFields?: string[];
}

export interface OrgTime {
  /** Between the close of a job and its first batch; a range for a random time. */
  queueSeconds?: number | [from: number, to: number];
  /** Rows per second of the whole org, for objects without a `speed`. */
  rowsPerSecond?: number;
  /** How many batches the org runs at once, over all jobs. */
  parallelBatches?: number;
  /** 0.4 makes batches up to 40 % slower or faster than the average. */
  spread?: number;
  /** A batch that takes longer is stopped and put back in the queue. */
  batchLimitSeconds?: number;
  /** How long a batch waits that was put back in the queue. */
  retryAfterSeconds?: number;
}

export interface OrgLocks {
  /** `Object.Field` of lookups whose parent is locked while a row is written, in addition to master-detail fields. */
  lookups?: string[];
  /** How long a transaction waits for a lock before its rows fail. */
  waitSeconds?: number;
  /** A batch with more rows that failed on a lock is put back in the queue with the rest of its rows. */
  failuresPerBatch?: number;
  /** A job with a batch that was put back more often fails. */
  retries?: number;
}

interface CapturedPart {
  at?: string;
  status: 'complete' | 'partial' | 'missing';
  note?: string;
}

export interface OrgFile {
  $schema?: string;
  formatVersion: number;
  name?: string;
  organization?: { name?: string; instanceName?: string; organizationType?: string; isSandbox?: boolean };
  captured?: { at: string; by?: string; instanceUrl?: string; parts?: Record<string, CapturedPart> };
  apiVersions?: number[];
  limits?: { apiRequests?: Allocation; batches?: Allocation; records?: Allocation; dataStorageMB?: number };
  users?: OrgUser[];
  time?: OrgTime;
  locks?: OrgLocks;
  seed?: number;
}

const objectName = text({ pattern: /^[A-Za-z]\w{0,79}$/, words: 'the API name of an object' });
const fieldPlace = text({ pattern: /^[A-Za-z]\w{0,79}\.[A-Za-z]\w{0,79}$/, words: 'Object.Field' });
const seconds = number({ max: 86_400 });
const limit = either(
  whole(),
  objectOf<Exclude<Allocation, number>>({ max: whole(), used: about('Used in the last 24 hours.', whole()) }, ['max']),
);

const USER = objectOf<OrgUser>(
  {
    username: text({ max: 80 }),
    name: text({ max: 121 }),
    email: text({ max: 128 }),
    hardDelete: about('May hardDelete. Default: true.', flag),
    manageDataIntegrations: about('May abort and delete jobs of other users. Default: true.', flag),
    hiddenObjects: about('Objects that this user cannot see.', listOf(objectName, { max: 5_000 })),
    hiddenFields: about('Object.Field that this user cannot see.', listOf(fieldPlace, { max: 50_000 })),
    readOnlyFields: about('Object.Field that this user cannot write.', listOf(fieldPlace, { max: 50_000 })),
  },
  ['username'],
);

const TIME = objectOf<OrgTime>({
  queueSeconds: about(
    'Between the close of a job and its first batch; two numbers are a range. Default: 0.2.',
    either(seconds, listOf(seconds, { min: 2, max: 2 })),
  ),
  rowsPerSecond: about(
    'Rows per second of the org, shared by all running jobs, for objects without a speed of their own. Default: 20,000.',
    number({ min: 0.001, max: 1e9 }),
  ),
  parallelBatches: about(
    'Batches that the org runs at once, over all jobs. Default: 5.',
    whole({ min: 1, max: 1_000 }),
  ),
  spread: about('0.4: batches are up to 40 % slower or faster than the average. Default: 0.', number({ max: 0.95 })),
  batchLimitSeconds: about(
    'A batch that takes longer goes back to the queue. Default: 300.',
    number({ min: 1, max: 86_400 }),
  ),
  retryAfterSeconds: about('How long such a batch waits in the queue. Default: 10.', seconds),
});

const LOCKS = objectOf<OrgLocks>({
  lookups: about(
    'Object.Field of lookups whose parent is locked by a write, in addition to all master-detail fields.',
    listOf(fieldPlace, { max: 5_000 }),
  ),
  waitSeconds: about('How long a transaction waits for a lock before its rows fail. Default: 10.', seconds),
  failuresPerBatch: about(
    'More rows that fail on a lock put the rest of a batch back in the queue. Default: 100.',
    whole({ max: 10_000 }),
  ),
  retries: about(
    'How often a batch may go back to the queue before its job fails. Default: 20.',
    whole({ max: 1_000 }),
  ),
});

const CAPTURED = objectOf<NonNullable<OrgFile['captured']>>(
  {
    at: time,
    by: about('Program or person.', text()),
    instanceUrl: text({ max: 500 }),
    parts: about(
      'What was captured when, by a name such as "validation rules".',
      mapOf(
        objectOf<CapturedPart>(
          { at: time, status: oneOf(['complete', 'partial', 'missing']), note: text({ max: 2_000 }) },
          ['status'],
        ),
      ),
    ),
  },
  ['at'],
);

export const ORG_FILE = objectOf<OrgFile>(
  {
    $schema: about('Where an editor finds this schema.', text({ max: 2_000 })),
    formatVersion: about('Version of this format.', oneOf([FORMAT_VERSION])),
    name: about('For people.', text()),
    organization: about(
      'The Organization record.',
      objectOf<NonNullable<OrgFile['organization']>>({
        name: text({ max: 80 }),
        instanceName: text({ max: 10 }),
        organizationType: text({ max: 40 }),
        isSandbox: flag,
      }),
    ),
    captured: about('When and how this folder was made.', CAPTURED),
    apiVersions: about(
      'Versions of the REST API, such as 66. Default: 31 to 68.',
      listOf(whole({ min: 20, max: 200 }), { min: 1 }),
    ),
    limits: about(
      'Rolling 24-hour allocations, and storage.',
      objectOf<NonNullable<OrgFile['limits']>>({
        apiRequests: about('HTTP requests. Default: 100,000.', limit),
        batches: about('Batches of 10,000 records. Default: 15,000.', limit),
        records: about('Records of ingest jobs. Default: 150,000,000.', limit),
        dataStorageMB: about('For all records together, 2 KB each. Default: 1,000,000.', number()),
      }),
    ),
    users: about('The first one is the user of the initial token.', listOf(USER, { min: 1, max: 100 })),
    time: about('How fast the org works.', TIME),
    locks: about('Which records a write locks, and what happens then.', LOCKS),
    seed: about('The same seed gives the same random choices. Default: 1.', whole({ max: 4_294_967_295 })),
  },
  ['formatVersion'],
);
