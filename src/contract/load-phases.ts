/** The phases of a load. */
export const LOAD_PHASES = ['preparing', 'planning', 'loading', 'retrying', 'holding', 'reporting', 'done'] as const;

export type LoadPhase = (typeof LOAD_PHASES)[number];
