/** The activities of nightload, built from what the worker's process has. One file per step. */
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

// The return type is inferred: it is what workflows see.
export function createActivities(dependencies: ActivityDependencies) {
  return notingDetails(dependencies.roots, {
    askAllocation: askAllocation(dependencies),
    readOrgLimits: readOrgLimits(dependencies),
    checkLedger: checkLedger(dependencies),
    awaitSource: awaitSource(dependencies),
    locateSource: locateSource(dependencies),
    planLoad: planLoad(dependencies),
    checkSource: checkSource(dependencies),
    createJob: createJob(dependencies),
    uploadPart: uploadPart(dependencies),
    closeJob: closeJob(dependencies),
    readJob: readJob(dependencies),
    abortJob: abortJob(dependencies),
    describeChild: describeChild(),
    findEarlierJobs: findEarlierJobs(dependencies),
    findLostJobs: findLostJobs(dependencies),
    listFileGroups: listFileGroups(),
    listOpenJobs: listOpenJobs(dependencies),
    downloadResults: downloadResults(dependencies),
    noteParts: noteParts(dependencies),
    readPartSizes: readPartSizes(dependencies),
    sortRows: sortRows(dependencies),
    takeCorrections: takeCorrections(dependencies),
    gatherRejected: gatherRejected(dependencies),
    keepColumns: keepColumns(dependencies),
    writeReport: writeReport(dependencies),
  });
}

export type Activities = ReturnType<typeof createActivities>;
