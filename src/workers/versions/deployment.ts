/**
 * Worker Deployment Versioning: `NIGHTLOAD_DEPLOYMENT` switches it on, `NIGHTLOAD_BUILD_ID` names the version. Loads stay
 * on the version that began them; the ledgers of orgs move to the current one.
 */
import type { WorkerDeploymentOptions } from '@temporalio/worker';
import { NightloadError } from '../../errors.js';
import { VERSION } from '../../runtime/version.js';

export interface Deployment {
  name: string;
  /** @default the version of this package */
  buildId: string;
}

/** Temporal separates the name and the build id by a colon, formerly by a dot, and limits both together. */
const NAME = /^[A-Za-z0-9_-]{1,80}$/;
const BUILD_ID = /^[A-Za-z0-9._+-]{1,80}$/;

/**
 * @returns undefined without `NIGHTLOAD_DEPLOYMENT`
 * @throws NightloadError `INVALID_DEPLOYMENT`
 */
export function deploymentFrom(env: Readonly<Record<string, string | undefined>>): Deployment | undefined {
  const name = env['NIGHTLOAD_DEPLOYMENT']?.trim() ?? '';
  if (name === '') return undefined;
  const buildId = env['NIGHTLOAD_BUILD_ID']?.trim() ?? '';
  refuseUnless(NAME.test(name), 'NIGHTLOAD_DEPLOYMENT', 'letters, digits, "-" and "_"');
  refuseUnless(
    buildId === '' || BUILD_ID.test(buildId),
    'NIGHTLOAD_BUILD_ID',
    'letters, digits, ".", "+", "-" and "_"',
  );
  return { name, buildId: buildId === '' ? VERSION : buildId };
}

function refuseUnless(isValid: boolean, variable: string, allowed: string): void {
  if (isValid) return;
  throw new NightloadError('INVALID_DEPLOYMENT', `${variable} must have 1 to 80 characters: ${allowed}.`);
}

/** For each SDK worker of the process: a load's steps run on its own version only if their queues belong to it. */
export function deploymentOptions(
  deployment: Deployment | undefined,
): { workerDeploymentOptions: WorkerDeploymentOptions } | Record<string, never> {
  if (deployment === undefined) return {};
  const { name: deploymentName, buildId } = deployment;
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName, buildId },
      // Of a host's own workflows, if they name none; ours do.
      defaultVersioningBehavior: 'PINNED',
    },
  };
}
