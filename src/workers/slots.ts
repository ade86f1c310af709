/**
 * How many steps a worker runs at a time: `NIGHTLOAD_MAX_UPLOADS`, `NIGHTLOAD_MAX_FILE_STEPS`, `NIGHTLOAD_MAX_CALLS`,
 * `NIGHTLOAD_TUNER`. Each kind has its own slots, so that none waits behind another.
 */
import { ResourceBasedController } from '@temporalio/worker';
import type { ResourceBasedSlotsForType, WorkerOptions } from '@temporalio/worker';
import { NightloadError } from '../errors.js';

export interface Slots {
  /** Uploads to one org. Each reads a file and holds at most a few MB. @default 10: the jobs that an org gets at a time */
  uploads: number;
  /** Other steps on files: planning, downloads, triage, reports. @default 16 */
  fileSteps: number;
  /** Calls that touch no file. @default 100 */
  calls: number;
  /**
   * `fixed`: that many slots. `resource`: at most that many, and no more as long as the machine, or the container, is
   * short of memory or processor time. @default 'fixed'
   */
  tuner: 'fixed' | 'resource';
}

export const DEFAULT_SLOTS: Readonly<Slots> = { uploads: 10, fileSteps: 16, calls: 100, tuner: 'fixed' };

const MAX_SLOTS = 2_000;
const TUNERS: readonly unknown[] = ['fixed', 'resource'];
/** Of what the machine or container has; above them no further slot is given out. */
const TARGETS = { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 } as const;
/** Workflow tasks are short; the same numbers as the SDK's default. */
const WORKFLOW_TASKS = 40;
const NEXUS_TASKS = 100;
/** An org's uploads are few, and each lasts; a worker may have many orgs, each with its queue. */
const UPLOAD_POLLS = 2;

const VARIABLES = {
  uploads: 'NIGHTLOAD_MAX_UPLOADS',
  fileSteps: 'NIGHTLOAD_MAX_FILE_STEPS',
  calls: 'NIGHTLOAD_MAX_CALLS',
} as const;
const KINDS = ['uploads', 'fileSteps', 'calls'] as const;

/** @throws NightloadError `INVALID_SLOTS` */
export function slotsFrom(env: Readonly<Record<string, string | undefined>>): Slots {
  const slots: Slots = { ...DEFAULT_SLOTS };
  for (const kind of KINDS) {
    const text = env[VARIABLES[kind]]?.trim() ?? '';
    if (text === '') continue;
    slots[kind] = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    refuseUnlessSlots(slots[kind], VARIABLES[kind]);
  }
  const tuner = env['NIGHTLOAD_TUNER']?.trim() ?? '';
  if (tuner !== '') slots.tuner = checkedTuner(tuner, 'NIGHTLOAD_TUNER');
  return slots;
}

/** @throws NightloadError `INVALID_SLOTS` */
export function checkedSlots(given: Partial<Slots>): Slots {
  const slots = { ...DEFAULT_SLOTS, ...given };
  for (const kind of KINDS) refuseUnlessSlots(slots[kind], `slots.${kind}`);
  checkedTuner(slots.tuner, 'slots.tuner');
  return slots;
}

function refuseUnlessSlots(slots: number, name: string): void {
  if (Number.isInteger(slots) && slots >= 1 && slots <= MAX_SLOTS) return;
  throw new NightloadError('INVALID_SLOTS', `${name} must be a whole number from 1 to ${MAX_SLOTS}.`);
}

function checkedTuner(tuner: unknown, name: string): Slots['tuner'] {
  if (TUNERS.includes(tuner)) return tuner as Slots['tuner'];
  throw new NightloadError('INVALID_SLOTS', `${name} must be "fixed" or "resource".`);
}

export type SlotOptions = Pick<
  WorkerOptions,
  'tuner' | 'maxConcurrentActivityTaskExecutions' | 'activityTaskPollerBehavior'
>;

/** Slots for the SDK workers of one process, which share the view of its resources. */
export class WorkerSlots {
  readonly #slots: Slots;
  readonly #controller: ResourceBasedController | undefined;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#controller = slots.tuner === 'resource' ? ResourceBasedController.create(TARGETS) : undefined;
  }

  for(kind: (typeof KINDS)[number]): SlotOptions {
    const most = this.#slots[kind];
    const polls: SlotOptions =
      kind === 'uploads'
        ? { activityTaskPollerBehavior: { type: 'simple-maximum', maximum: Math.min(UPLOAD_POLLS, most) } }
        : {};
    if (this.#controller === undefined) return { ...polls, maxConcurrentActivityTaskExecutions: most };
    const activities: ResourceBasedSlotsForType = {
      type: 'resource-based',
      controller: this.#controller,
      minimumSlots: 1,
      maximumSlots: most,
    };
    return {
      ...polls,
      tuner: {
        activityTaskSlotSupplier: activities,
        workflowTaskSlotSupplier: { type: 'fixed-size', numSlots: WORKFLOW_TASKS },
        localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
        nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: NEXUS_TASKS },
      },
    };
  }
}
