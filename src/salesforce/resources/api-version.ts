/** Chooses the API version: the newest that both the org and this program know. */
import { NightloadError } from '../../errors.js';
import { asArray, asObject, asText } from './json.js';

/** The newest version that nightload was tested with. Newer ones are used only on request. */
const NEWEST_TESTED_VERSION = 'v66.0';

/** Bulk API 2.0 began with v41.0. */
const OLDEST_VERSION = 41;

function versionNumber(version: string): number {
  return Number(version.slice(1));
}

/** `66`, `66.0`, `v66.0` as `v66.0`; `undefined` for anything else. */
function normalised(version: string): string | undefined {
  const number = /^v?(\d{1,3})(?:\.0)?$/i.exec(version.trim())?.[1];
  return number === undefined ? undefined : `v${Number(number)}.0`;
}

/**
 * Formats a user's version for paths.
 *
 * @throws NightloadError `INVALID_API_VERSION`
 */
export function apiVersion(version: string): string {
  const found = normalised(version);
  if (found === undefined || versionNumber(found) < OLDEST_VERSION) {
    throw new NightloadError(
      'INVALID_API_VERSION',
      `"${version}" is not an API version that nightload supports: use the form ${NEWEST_TESTED_VERSION}; v${OLDEST_VERSION}.0 is the oldest.`,
    );
  }
  return found;
}

/** The versions in a reply of `/services/data`, oldest first; `undefined` if it is not such a list. */
export function parseVersions(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return asArray(value)
    .flatMap((entry) => normalised(asText(asObject(entry)?.['version']) ?? '') ?? [])
    .sort((a, b) => versionNumber(a) - versionNumber(b));
}

/**
 * The version to use with an org that offers these; the tested one if it offers none.
 *
 * @throws NightloadError `API_TOO_OLD` when all of them are older than Bulk API 2.0
 */
export function chooseVersion(offered: readonly string[]): string {
  if (offered.length === 0) return NEWEST_TESTED_VERSION;
  const usable = offered.filter((version) => versionNumber(version) <= versionNumber(NEWEST_TESTED_VERSION));
  const newest = usable.at(-1) ?? NEWEST_TESTED_VERSION;
  if (versionNumber(newest) < OLDEST_VERSION) {
    throw new NightloadError(
      'API_TOO_OLD',
      `The newest API version that the org offers is ${newest}; Bulk API 2.0 needs v${OLDEST_VERSION}.0. Check the instance URL.`,
    );
  }
  return newest;
}
