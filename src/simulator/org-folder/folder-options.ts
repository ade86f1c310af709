/** What a folder says about the org, as options of the simulated org; options given by the caller win. */
import type { SimulatorOptions } from '../options.js';
import { usersOf } from '../org/org.js';
import type { OrgFolder } from './read-org-folder.js';

export function withFolder(given: SimulatorOptions, folder: OrgFolder | undefined): SimulatorOptions {
  if (folder === undefined) return given;
  const { org } = folder;
  const [user] = usersOf(org);
  const { queueSeconds, rowsPerSecond } = org.time ?? {};
  return {
    ...(org.apiVersions !== undefined && { apiVersions: org.apiVersions }),
    ...(org.seed !== undefined && { seed: org.seed }),
    ...(rowsPerSecond !== undefined && { recordsPerSecond: rowsPerSecond }),
    ...(queueSeconds !== undefined && { queueDelayMs: inMs(queueSeconds) }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    limits: { ...org.limits, ...given.limits },
    oauth: { ...(user !== undefined && { username: user.username }), ...given.oauth },
  };
}

const inMs = (seconds: number | [number, number]): number | [number, number] =>
  typeof seconds === 'number' ? seconds * 1000 : [seconds[0] * 1000, seconds[1] * 1000];
