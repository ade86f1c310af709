/**
 * What the ledger takes of its messages, which anybody may send who may send signals: known shapes, bounded, and each
 * about a request. Pure.
 */
import type { Allocation } from '../../salesforce/connections-allocation.js';
import { API_VERSION, MAX_NAME, REQUEST_ID } from '../../domain/forms.js';
import { isText } from '../../domain/shown.js';
import { plainText } from '../../plain-text.js';
import { isObject } from '../input-fields.js';
import type { Request } from './ledger.js';
import type { Amount } from './state.js';

const MAX_WORDS = 200;
/** One job takes 150 MB: no more rows fit into it. */
const MAX_RECORDS = 150_000_000;
const MAX_BATCHES = 150_000;
const MIN_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 7 * 86_400_000;
const MAX_ALLOWED = 1e12;
const MAX_JOBS = 2_000;

type Fields = Record<string, unknown>;

function fieldsOf(message: unknown): Fields {
  return isObject(message) ? (message as Fields) : {};
}

function isRequestId(id: unknown): id is string {
  return isText(id) && REQUEST_ID.test(id);
}

function amount(value: unknown, most: number): number | undefined {
  return typeof value === 'number' && value >= 0 ? Math.min(most, Math.ceil(value)) : undefined;
}

function amountOf(fields: Fields): Amount | undefined {
  const records = amount(fields['records'], MAX_RECORDS);
  const batches = amount(fields['batches'], MAX_BATCHES);
  return records === undefined || batches === undefined ? undefined : { records, batches };
}

/** Of a connection. Undefined when the ledger could not live by it. */
export function readRules(value: unknown): Allocation | undefined {
  const fields = fieldsOf(value);
  const within = (name: keyof Allocation, least: number, most: number): number | undefined => {
    const found = fields[name];
    return typeof found === 'number' && found >= least && found <= most ? found : undefined;
  };
  const recordsPerWindow = within('recordsPerWindow', 1, MAX_ALLOWED);
  const batchesPerWindow = within('batchesPerWindow', 1, MAX_ALLOWED);
  const windowMs = within('windowMs', MIN_WINDOW_MS, MAX_WINDOW_MS);
  const reservedRecords = within('reservedRecords', 0, (recordsPerWindow ?? 1) - 1);
  const maxJobs = within('maxJobs', 1, MAX_JOBS);
  if (recordsPerWindow === undefined || batchesPerWindow === undefined || windowMs === undefined) return undefined;
  if (reservedRecords === undefined || maxJobs === undefined) return undefined;
  return { recordsPerWindow, batchesPerWindow, windowMs, reservedRecords, maxJobs };
}

export interface ReadRequest {
  asked: Request;
  connection: string;
  apiVersion: string;
  rules: Allocation;
}

export function readRequest(message: unknown): ReadRequest | undefined {
  const fields = fieldsOf(message);
  const { id, holder, words, priority, patienceMs, connection, apiVersion } = fields;
  const amounts = amountOf(fields);
  const rules = readRules(fields['rules']);
  if (!isRequestId(id) || amounts === undefined || rules === undefined) return undefined;
  if (!isText(holder) || holder === '' || !isText(connection, MAX_NAME) || connection === '') return undefined;
  if (!isText(apiVersion) || !API_VERSION.test(apiVersion) || !isText(words) || typeof priority !== 'number')
    return undefined;
  return {
    asked: {
      id,
      holder,
      words: plainText(words, MAX_WORDS),
      priority,
      ...amounts,
      ...(typeof patienceMs === 'number' && patienceMs >= 0 && { patienceMs }),
    },
    connection,
    apiVersion,
    rules,
  };
}

export function readRenewal(message: unknown): { id: string; processed: number } | undefined {
  const { id, processed } = fieldsOf(message);
  const found = amount(processed ?? 0, MAX_RECORDS);
  return isRequestId(id) && found !== undefined ? { id, processed: found } : undefined;
}

export function readSettlement(message: unknown): (Amount & { id: string }) | undefined {
  const fields = fieldsOf(message);
  const { id } = fields;
  const amounts = amountOf(fields);
  return isRequestId(id) && amounts !== undefined ? { id, ...amounts } : undefined;
}

export function readReturn(message: unknown): { id: string } | undefined {
  const { id } = fieldsOf(message);
  return isRequestId(id) ? { id } : undefined;
}

/** Refusals that the org knows. */
const CODE = /^[A-Z][A-Z_]{2,59}$/;

export function readLesson(message: unknown): { code: string; id: string } | undefined {
  const { code, id } = fieldsOf(message);
  return isText(code) && CODE.test(code) && isRequestId(id) ? { code, id } : undefined;
}
