import { describe, expect, it } from 'vitest';
import { checkedSlots, DEFAULT_SLOTS, slotsFrom, WorkerSlots } from '../../../src/workers/slots.js';

describe('slots from the environment', () => {
  it('are the defaults, and each can be set', () => {
    expect(slotsFrom({ NIGHTLOAD_MAX_CALLS: ' ' })).toEqual(DEFAULT_SLOTS);
    const env = {
      NIGHTLOAD_MAX_UPLOADS: '1',
      NIGHTLOAD_MAX_FILE_STEPS: ' 8 ',
      NIGHTLOAD_MAX_CALLS: '2000',
      NIGHTLOAD_TUNER: 'resource',
    };
    expect(slotsFrom(env)).toEqual({ uploads: 1, fileSteps: 8, calls: 2_000, tuner: 'resource' });
  });

  it.each(['0', '-1', '1.5', '2001', 'many', '1e3', '9'.repeat(400)])('refuses %s, naming the setting', (text) => {
    for (const name of ['NIGHTLOAD_MAX_UPLOADS', 'NIGHTLOAD_MAX_FILE_STEPS', 'NIGHTLOAD_MAX_CALLS']) {
      const refused = expect.objectContaining({
        code: 'INVALID_SLOTS',
        message: `${name} must be a whole number from 1 to 2000.`,
      }) as Error;
      expect(() => slotsFrom({ [name]: text })).toThrow(refused);
    }
  });

  it('refuses an unknown tuner, and slots of a program that are no such numbers', () => {
    expect(() => slotsFrom({ NIGHTLOAD_TUNER: 'auto' })).toThrow('NIGHTLOAD_TUNER must be "fixed" or "resource".');
    expect(() => checkedSlots({ uploads: 0 })).toThrow('slots.uploads must be a whole number from 1 to 2000.');
    expect(checkedSlots({ uploads: 3 })).toEqual({ ...DEFAULT_SLOTS, uploads: 3 });
  });
});

describe('slots of a worker', () => {
  it('fixed: a number for each kind; few polls for the uploads to an org', () => {
    const slots = new WorkerSlots(checkedSlots({ uploads: 1, fileSteps: 5 }));
    expect(slots.for('fileSteps')).toEqual({ maxConcurrentActivityTaskExecutions: 5 });
    expect(slots.for('uploads')).toEqual({
      maxConcurrentActivityTaskExecutions: 1,
      activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 1 },
    });
  });

  it('resource: at most that number, with one controller for all kinds', () => {
    const slots = new WorkerSlots(checkedSlots({ uploads: 4, tuner: 'resource' }));
    const suppliers = (['uploads', 'calls'] as const).map((kind) => {
      const { tuner } = slots.for(kind);
      return tuner !== undefined && 'activityTaskSlotSupplier' in tuner ? tuner.activityTaskSlotSupplier : undefined;
    });
    expect(suppliers).toMatchObject([
      { type: 'resource-based', maximumSlots: 4 },
      { type: 'resource-based', maximumSlots: 100 },
    ]);
    const [one, other] = suppliers as { controller?: unknown }[];
    expect(one?.controller).toBeDefined();
    expect(one?.controller).toBe(other?.controller);
  });
});
