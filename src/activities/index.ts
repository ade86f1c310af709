/** The activities of nightload, built from what the worker's process has. One file per step. */
import type { z } from 'zod';
import { STEP_INPUTS } from '../protocol/step-inputs.js';
import { checked } from './checked.js';
import type { Complete } from './checked.js';
import type { ActivityDependencies } from './dependencies.js';
import { askAllocation } from './allocation.js';
import { readOrgLimits } from './allocation-limits.js';
import { awaitSource } from './await-source.js';
import { checkLedger } from './check-ledger.js';
import { checkSource } from './check-source.js';
import { createJob } from './create-job.js';
import { notingDetails } from './details.js';
import { describeChild } from './describe-child.js';
import { downloadResults } from './download-results.js';
import { noteParts, readPartSizes } from './ended-parts.js';
import { findEarlierJobs } from './find-earlier-jobs.js';
import { findLostJobs } from './find-lost-jobs.js';
import { abortJob, closeJob, readJob } from './job-steps.js';
import { gatherRejected } from './gather-rejected.js';
import { keepColumns } from './keep-columns.js';
import { listOpenJobs } from './list-open-jobs.js';
import { listFileGroups } from './list-file-groups.js';
import { locateSource } from './locate-source.js';
import { planLoad } from './plan-load.js';
import { sortRows } from './sort-rows.js';
import { takeCorrections } from './take-corrections.js';
import { uploadPart } from './upload-part.js';
import { writeReport } from './write-report.js';

export type { ActivityDependencies } from './dependencies.js';

/** The workflows that call a step: no other one is answered. */
const LOADS = ['bulkLoad', 'checkLoad'];
const CHECKS = ['checkLoad'];
const PARTS = ['ingestJob'];
const PARENTS = ['bulkLoad', 'retryFailedRows'];
const ORPHANS = ['orphanJobs'];
const ABORTERS = [...PARTS, ...ORPHANS, 'bulkLoad'];
const LEDGERS = ['orgAllocation', 'orgLimits'];

// The return type is inferred: it is what workflows see.
export function createActivities(dependencies: ActivityDependencies) {
  const by = <S extends I, I, O>(
    callers: readonly string[],
    schema: z.ZodType<S>,
    activity: (input: I) => Promise<O>,
    ...complete: Complete<S, I>
  ): ((input: I) => Promise<O>) => checked(dependencies, callers, schema, activity, ...complete);
  return notingDetails(dependencies.roots, {
    askAllocation: by(PARTS, STEP_INPUTS.askAllocation, askAllocation(dependencies)),
    readOrgLimits: by(LEDGERS, STEP_INPUTS.readOrgLimits, readOrgLimits(dependencies)),
    checkLedger: by(LEDGERS, STEP_INPUTS.checkLedger, checkLedger(dependencies)),
    awaitSource: by(LOADS, STEP_INPUTS.awaitSource, awaitSource(dependencies)),
    locateSource: by(LOADS, STEP_INPUTS.locateSource, locateSource(dependencies)),
    planLoad: by(LOADS, STEP_INPUTS.planLoad, planLoad(dependencies)),
    checkSource: by(CHECKS, STEP_INPUTS.checkSource, checkSource(dependencies)),
    createJob: by(PARTS, STEP_INPUTS.createJob, createJob(dependencies)),
    uploadPart: by(PARTS, STEP_INPUTS.uploadPart, uploadPart(dependencies)),
    closeJob: by(PARTS, STEP_INPUTS.closeJob, closeJob(dependencies)),
    readJob: by(PARTS, STEP_INPUTS.readJob, readJob(dependencies)),
    abortJob: by(ABORTERS, STEP_INPUTS.abortJob, abortJob(dependencies)),
    describeChild: by(PARENTS, STEP_INPUTS.describeChild, describeChild()),
    findEarlierJobs: by(PARTS, STEP_INPUTS.findEarlierJobs, findEarlierJobs(dependencies)),
    findLostJobs: by(LOADS, STEP_INPUTS.findLostJobs, findLostJobs(dependencies)),
    listFileGroups: listFileGroups(),
    listOpenJobs: by(ORPHANS, STEP_INPUTS.listOpenJobs, listOpenJobs(dependencies)),
    downloadResults: by(PARTS, STEP_INPUTS.downloadResults, downloadResults(dependencies)),
    noteParts: by(PARENTS, STEP_INPUTS.noteParts, noteParts(dependencies)),
    readPartSizes: by(PARENTS, STEP_INPUTS.readPartSizes, readPartSizes(dependencies)),
    sortRows: by(PARENTS, STEP_INPUTS.sortRows, sortRows(dependencies)),
    takeCorrections: by(LOADS, STEP_INPUTS.takeCorrections, takeCorrections(dependencies)),
    gatherRejected: by(LOADS, STEP_INPUTS.gatherRejected, gatherRejected(dependencies)),
    keepColumns: by(LOADS, STEP_INPUTS.keepColumns, keepColumns(dependencies)),
    writeReport: by(LOADS, STEP_INPUTS.writeReport, writeReport(dependencies)),
  });
}

export type Activities = ReturnType<typeof createActivities>;
