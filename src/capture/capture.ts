/**
 * Captures how an org treats rows, as a folder for the simulated org: first what tells the cost, then, once that is
 * accepted, the rest, object by object, so that a capture that was interrupted continues where it was.
 */
import { defined } from '../domain/defined.js';
import { NightloadError } from '../errors.js';
import { VERSION } from '../runtime/version.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import type { SalesforceConnection } from '../salesforce/bulk-client.js';
import { SIMULATED_USER } from './capture-folder.js';
import type { CaptureFolder, DoneObject } from './capture-folder.js';
import {
  isUnknownObject,
  listRules,
  parentsOf,
  readDescribe,
  readOtherRules,
  readRules,
  recordTypesOf,
  rulesOf,
  withPicklistValues,
} from './object-parts.js';
import type { ListedRule, OtherRules, RecordType } from './object-parts.js';
import { readOrgFacts } from './org-facts.js';
import type { OrgFacts } from './org-facts.js';
import { OrgReader } from './org-reader.js';
import type { Answer, OrgReaderOptions } from './org-reader.js';
import { listPastJobs, pastTimes, readPastJobs, speedsOf } from './past-jobs.js';
import type { PastJob } from './past-jobs.js';
import type { Describe } from './replies.js';

/** `captured.parts` of `org.json` has one entry for each, and a few more. */
const MAX_OBJECTS = 900;
const MAX_NOTE = 2_000;
/** Requests for the whole org that do not depend on the objects: the least. */
const ORG_REQUESTS = 8;

export interface CaptureRequest {
  connection: SalesforceConnection;
  folder: CaptureFolder;
  /** API names, as given. */
  objects: readonly string[];
  /** Whether an object may be read: the connection's `allow`. */
  mayRead: (object: string) => boolean;
  withParents: boolean;
  /** Of each object; 0 for none. */
  pastJobs: number;
  /** Also reads the failed rows of past jobs, to count their error codes. */
  withErrors: boolean;
}

export interface CaptureCost {
  /** Requests that were made to find out. */
  used: number;
  /** Requests that are still to come. */
  left: number;
  /** Whether fewer may do: only jobs with failed rows are asked for them. */
  isAtMost: boolean;
  /** What the org has left of its daily requests, if the user may read it. */
  available?: number;
  objects: number;
  parents: number;
  recordTypes: number;
  validationRules: number;
  pastJobs: number;
  /** Objects that an earlier, interrupted capture has completed. */
  kept: number;
}

export interface CaptureSummary {
  objects: string[];
  parents: string[];
  /** All requests of this run. */
  requests: number;
  /** What could not be read, by part. */
  missing: { part: string; note: string }[];
}

interface PlannedObject {
  describe: Describe;
  rules: Answer<ListedRule[]>;
  recordTypes: RecordType[];
}

/** The least that the first step costs: one list of past jobs, and each object's describe and rules. */
export function firstRequests(objects: number): number {
  return ORG_REQUESTS + 2 * objects;
}

export class Capture {
  readonly #request: CaptureRequest;
  readonly #reader: OrgReader;
  readonly #planned: PlannedObject[] = [];
  #facts: OrgFacts | undefined;
  #otherRules: OtherRules | undefined;
  #pastJobs: Answer<Map<string, string[]>> = { value: new Map() };
  /** In the letters of the org, without those that are done. */
  #parents: string[] = [];
  /** Parents for which the connection may not be used. */
  #forbidden: string[] = [];
  readonly #at = new Date().toISOString();

  constructor(request: CaptureRequest, options: OrgReaderOptions = {}) {
    this.#request = request;
    this.#reader = new OrgReader(request.connection, options);
  }

  /**
   * Reads what tells the cost of the rest. Writes nothing.
   * @throws NightloadError `OBJECT_NOT_FOUND`, `CAPTURE_OF_ANOTHER_ORG`, `CAPTURE_TOO_LARGE`
   */
  async plan(): Promise<CaptureCost> {
    const { folder, pastJobs, withErrors } = this.#request;
    const facts = (this.#facts = await readOrgFacts(this.#reader));
    this.#refuseOtherOrg(facts);
    const kept = await this.#keptObjects();
    const wanted = this.#request.objects.filter((object) => !kept.has(object.toLowerCase()));
    const unknown: string[] = [];
    for (const object of unique(wanted)) {
      try {
        this.#planned.push(await this.#planObject(object));
      } catch (error) {
        if (!isUnknownObject(error)) throw error;
        unknown.push(object);
      }
    }
    if (unknown.length > 0) throw unknownObjects(unknown);
    this.#otherRules = await readOtherRules(this.#reader);
    const names = this.#planned.map(({ describe }) => describe.name);
    if (pastJobs > 0 && names.length > 0) this.#pastJobs = await listPastJobs(this.#reader, names, pastJobs);
    await this.#planParents(kept);
    const objects = this.#planned.length;
    const total = objects + this.#parents.length + kept.size;
    if (total > MAX_OBJECTS) {
      throw new NightloadError(
        'CAPTURE_TOO_LARGE',
        `These objects and their parents are ${total}; one capture has at most ${MAX_OBJECTS}. Capture fewer objects, or use --no-parents.`,
      );
    }
    const count = {
      objects,
      parents: this.#parents.length,
      recordTypes: sum(this.#planned.map(({ recordTypes }) => recordTypes.length)),
      validationRules: sum(this.#planned.map(({ rules }) => ('value' in rules ? rules.value.length : 0))),
      pastJobs: 'value' in this.#pastJobs ? sum([...this.#pastJobs.value.values()].map((ids) => ids.length)) : 0,
      kept: Object.keys(folder.progress?.objects ?? {}).length + Object.keys(folder.progress?.parents ?? {}).length,
    };
    return {
      used: this.#reader.requests,
      isAtMost: withErrors && count.pastJobs > 0,
      left: count.parents + count.recordTypes + count.validationRules + count.pastJobs * (withErrors ? 2 : 1),
      ...defined({
        available: 'value' in facts.limits ? facts.limits.value['DailyApiRequests']?.remaining : undefined,
      }),
      ...count,
    };
  }

  /** Reads the rest and writes the folder. Call `plan` first. */
  async run(onObject: (object: string) => void = () => undefined): Promise<CaptureSummary> {
    const { folder } = this.#request;
    const facts = this.#facts as OrgFacts;
    const before = folder.progress;
    await folder.start(
      before ?? { startedAt: this.#at, organizationId: facts.organizationId, objects: {}, parents: {} },
    );
    for (const planned of this.#planned) {
      await this.#captureObject(planned);
      onObject(planned.describe.name);
    }
    for (const parent of this.#parents) {
      await this.#captureParent(parent);
      onObject(parent);
    }
    return this.#finish(facts);
  }

  #refuseOtherOrg({ organizationId, instanceUrl }: OrgFacts): void {
    const { folder } = this.#request;
    const isOther =
      folder.progress === undefined
        ? folder.capturedFrom !== undefined && folder.capturedFrom !== instanceUrl
        : folder.progress.organizationId !== organizationId;
    if (!isOther) return;
    throw new NightloadError(
      'CAPTURE_OF_ANOTHER_ORG',
      `${folder.path} has the capture of another org${folder.capturedFrom === undefined ? '' : ` (${folder.capturedFrom})`}. Use another folder with --out, or remove this one.`,
    );
  }

  /** Objects, in lower case, that an interrupted capture has completed. */
  async #keptObjects(): Promise<Set<string>> {
    const { progress } = this.#request.folder;
    const kept = new Set<string>();
    for (const name of Object.keys(progress?.objects ?? {})) {
      if (await this.#request.folder.hasObject(name)) kept.add(name.toLowerCase());
    }
    return kept;
  }

  async #planObject(object: string): Promise<PlannedObject> {
    const describe = await readDescribe(this.#reader, object);
    const rules = await listRules(this.#reader, describe.name);
    return { describe, rules, recordTypes: recordTypesOf(describe) };
  }

  async #planParents(kept: ReadonlySet<string>): Promise<void> {
    const { folder, withParents, mayRead } = this.#request;
    if (!withParents) return;
    const known = new Set([...kept, ...this.#planned.map(({ describe }) => describe.name.toLowerCase())]);
    for (const name of Object.keys(folder.progress?.parents ?? {})) {
      if (await folder.hasObject(name)) known.add(name.toLowerCase());
    }
    const named = [
      ...this.#planned.flatMap(({ describe }) => parentsOf(describe)),
      ...Object.values(folder.progress?.objects ?? {}).flatMap(({ parents }) => parents),
    ];
    const missing = unique(named)
      .filter((name) => !known.has(name.toLowerCase()))
      .sort();
    this.#parents = missing.filter((name) => mayRead(name));
    this.#forbidden = missing.filter((name) => !mayRead(name));
  }

  async #captureObject({ describe, rules, recordTypes }: PlannedObject): Promise<void> {
    const { folder, withErrors } = this.#request;
    const notes: string[] = 'missing' in rules ? [`validation rules: ${rules.missing}`] : [];
    const types = await withPicklistValues(this.#reader, describe, recordTypes);
    const read = await readRules(this.#reader, describe, 'value' in rules ? rules.value : []);
    const ids = 'value' in this.#pastJobs ? (this.#pastJobs.value.get(describe.name.toLowerCase()) ?? []) : [];
    const history = await readPastJobs(this.#reader, ids, { withErrors });
    const { duplicate, assignment } = this.#otherRules as OtherRules;
    const speed = speedsOf(history);
    const content = {
      describe,
      ...(types.value.length > 0 && { recordTypes: types.value }),
      ...(read.value.length > 0 && { validationRules: read.value }),
      ...defined({
        duplicateRules: rulesOf(duplicate, describe.name).names,
        assignmentRules: rulesOf(assignment, describe.name).names,
      }),
      ...(Object.keys(speed).length > 0 && { speed }),
      ...(history.length > 0 && { history }),
    };
    const done = { notes: [...notes, ...types.notes, ...read.notes], parents: unique(parentsOf(describe)) };
    await folder.saveObject('objects', describe.name, content, this.#done(done));
  }

  /** A parent that the user cannot see is noted: lookups to it are not checked. */
  async #captureParent(parent: string): Promise<void> {
    const { folder } = this.#request;
    try {
      const describe = await readDescribe(this.#reader, parent);
      await folder.saveObject('parents', describe.name, { describe }, this.#done({ notes: [], parents: [] }));
    } catch (error) {
      if (!isUnknownObject(error) && !isRefused(error)) throw error;
      const progress = folder.progress;
      if (progress === undefined) throw error;
      progress.parents[parent] = this.#done({ notes: ['describe: the user cannot see this object'], parents: [] });
    }
  }

  #done(done: Pick<DoneObject, 'notes' | 'parents'>): DoneObject {
    return { ...done, at: this.#at };
  }

  async #finish(facts: OrgFacts): Promise<CaptureSummary> {
    const { folder } = this.#request;
    const { objects, parents } = folder.progress as NonNullable<CaptureFolder['progress']>;
    const parts = { ...this.#orgParts(facts) };
    for (const [name, { at, notes }] of Object.entries({ ...parents, ...objects })) {
      const isMissing = !(await folder.hasObject(name));
      parts[name] = { at, status: isMissing ? 'missing' : notes.length > 0 ? 'partial' : 'complete', ...noteOf(notes) };
    }
    for (const name of this.#forbidden) {
      parts[name] = { at: this.#at, status: 'missing', note: 'the connection may not be used for this object' };
    }
    const histories = await Promise.all(Object.keys(objects).map((name) => historyIn(folder, name)));
    await folder.finish({
      formatVersion: 1,
      captured: { at: this.#at, by: `nightload ${VERSION}`, instanceUrl: facts.instanceUrl, parts },
      ...orgSettings(facts),
      ...timeOf(histories),
    });
    return {
      objects: Object.keys(objects).sort(),
      parents: Object.keys(parents).sort(),
      requests: this.#reader.requests,
      missing: Object.entries(parts).flatMap(([part, { status, note = '' }]) =>
        status === 'complete' ? [] : [{ part, note }],
      ),
    };
  }

  #orgParts(facts: OrgFacts): Record<string, CapturedPart> {
    const part = (answer: Answer<unknown>): CapturedPart =>
      'missing' in answer
        ? { at: this.#at, status: 'missing', note: answer.missing }
        : { at: this.#at, status: 'complete' };
    const { duplicate, assignment } = this.#otherRules as OtherRules;
    return {
      'API versions': part(facts.versions),
      limits: part(facts.limits),
      organization: part(facts.organization),
      'hard delete permission': part(facts.hardDelete),
      'duplicate rules': part(duplicate),
      'assignment rules': part(assignment),
      ...(this.#request.pastJobs > 0 && { 'past jobs': part(this.#pastJobs) }),
    };
  }
}

interface CapturedPart {
  at: string;
  status: 'complete' | 'partial' | 'missing';
  note?: string;
}

function noteOf(notes: readonly string[]): { note?: string } {
  const text = notes.join('; ');
  if (text === '') return {};
  return { note: text.length > MAX_NOTE ? `${text.slice(0, MAX_NOTE - 1)}…` : text };
}

/** A reply of 400 or 403 for a parent: objects that have no describe for this user. */
function isRefused(error: unknown): boolean {
  return error instanceof SalesforceError && !error.retryable && [400, 403].includes(error.httpStatus ?? 0);
}

function unknownObjects(objects: readonly string[]): NightloadError {
  return new NightloadError(
    'OBJECT_NOT_FOUND',
    `The org has no object ${objects.join(', ')}, or the user of this connection cannot see it. Nothing was written. ` +
      "Give the object's API name (Invoice__c, not Invoice), and check that the user may see it.",
  );
}

/** What the simulated org does with the facts. */
function orgSettings({ versions, limits, organization, hardDelete }: OrgFacts): Record<string, unknown> {
  const figures = 'value' in limits ? limits.value : {};
  const allocation = (name: string): { max: number; used: number } | undefined => {
    const { max, remaining } = figures[name] ?? {};
    if (max === undefined || remaining === undefined || !Number.isInteger(max) || !Number.isInteger(remaining)) return;
    return max < 0 ? undefined : { max, used: Math.max(0, max - remaining) };
  };
  const storage = figures['DataStorageMB']?.remaining;
  const found = defined({
    apiRequests: allocation('DailyApiRequests'),
    batches: allocation('DailyBulkApiBatches'),
    dataStorageMB: storage === undefined ? undefined : Math.max(0, storage),
  });
  return {
    ...('value' in organization && Object.keys(organization.value).length > 0 && { organization: organization.value }),
    ...('value' in versions && versions.value.length > 0 && { apiVersions: versions.value }),
    ...(Object.keys(found).length > 0 && { limits: found }),
    ...('value' in hardDelete &&
      hardDelete.value !== undefined && { users: [{ username: SIMULATED_USER, hardDelete: hardDelete.value }] }),
  };
}

function timeOf(histories: readonly PastJob[][]): Record<string, unknown> {
  const time = pastTimes(histories);
  return Object.keys(time).length === 0 ? {} : { time };
}

/** Of a file that this capture wrote, or an earlier one. */
async function historyIn(folder: CaptureFolder, object: string): Promise<PastJob[]> {
  const { history } = (await folder.readObject(object)) as { history?: PastJob[] };
  return Array.isArray(history) ? history : [];
}

/** The platform ignores the case of names. */
function unique(names: readonly string[]): string[] {
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()];
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
