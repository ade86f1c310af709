/** Builds nightload's activities from the worker process's dependencies. One file per step. */
import type { z } from 'zod';
import { ACTIVITY_INPUTS } from '../protocol/activities/activity-inputs.js';
import { checked } from './checked-input.js';
import type { Complete } from './checked-input.js';
import type { ActivityDependencies } from './dependencies.js';
import { requestLease } from './allocation/request-lease.js';
import { readOrgLimits } from './allocation/read-org-limits.js';
import { probeSource } from './source/probe-source.js';
import { checkLedger } from './allocation/check-ledger.js';
import { checkSource } from './plan/check-source.js';
import { createJob } from './job/create-job.js';
import { notingDetails } from './results/failure-details.js';
import { describeChild } from './job/describe-child.js';
import { downloadResults } from './job/download-results.js';
import { recordParts, readPartSizes } from './results/part-outcomes.js';
import { findEarlierJobs } from './orphans/find-earlier-jobs.js';
import { findLostJobs } from './orphans/find-lost-jobs.js';
import { abortJob, closeJob, readJob } from './job/job-state.js';
import { collectRejected } from './corrections/collect-rejected.js';
import { keepColumns } from './results/join-source-columns.js';
import { listOpenJobs } from './orphans/list-open-jobs.js';
import { listFileGroups } from './source/list-file-groups.js';
import { locateSource } from './source/locate-source.js';
import { checkEarlierRun } from './check-earlier-run.js';
import { notePause } from './results/note-pause.js';
import { refuseForeignFolders } from './results/own-folders.js';
import { findFailingSteps } from './notify/find-failing-steps.js';
import { readPastLoads } from './forecast/read-past-loads.js';
import { readNotifyRules } from './notify/read-notify-rules.js';
import { routeNotification } from './notify/route-notification.js';
import { noteDeliveries } from './notify/note-deliveries.js';
import { sendNotification } from './notify/send-notification.js';
import { pingHeartbeat } from './notify/ping-heartbeat.js';
import { readSchedules } from './schedules/read-schedules.js';
import { OwnJobs } from './job/job-ownership.js';
import { pruneOutput } from './retention/prune-output.js';
import { planLoad } from './plan/plan-load.js';
import { triageRows } from './retry/triage-rows.js';
import { acceptCorrections } from './corrections/accept-corrections.js';
import { uploadPart } from './job/upload-part.js';
import { writeReport } from './results/write-report.js';

export type { ActivityDependencies } from './dependencies.js';

/** The workflow types that may call a step. */
const LOADS = ['bulkLoad', 'checkLoad'];
const CHECKS = ['checkLoad'];
const RUNS = ['bulkLoad'];
const PARTS = ['ingestJob'];
const NOTIFIERS = ['sendNotifications'];
const PINGERS = ['bulkLoad', 'sendHeartbeat'];
const WATCHERS = ['watchSchedules'];
const PARENTS = ['bulkLoad', 'retryFailedRows'];
const ORPHANS = ['orphanJobs'];
const PRUNERS = ['pruneResults'];
const ABORTERS = [...PARTS, ...ORPHANS, 'bulkLoad'];
const LEDGERS = ['orgAllocation', 'orgLimits'];

// The return type is inferred: workflows use it.
export function createActivities(dependencies: ActivityDependencies) {
  const ownJobs = new OwnJobs();
  const by = <S extends I, I, O>(
    callers: readonly string[],
    schema: z.ZodType<S>,
    activity: (input: I) => Promise<O>,
    ...complete: Complete<S, I>
  ): ((input: I) => Promise<O>) => checked(dependencies, { callers, schema, activity }, ...complete);
  const own = refuseForeignFolders(dependencies);
  /** A step on the load's own files. */
  const onFiles = <S extends I, I, O>(
    callers: readonly string[],
    schema: z.ZodType<S>,
    activity: (input: I) => Promise<O>,
    ...complete: Complete<S, I>
  ): ((input: I) => Promise<O>) => {
    const inOwn = async (input: I): Promise<O> => {
      await own(input);
      return activity(input);
    };
    return by(callers, schema, inOwn, ...complete);
  };
  const failingSteps = by(RUNS, ACTIVITY_INPUTS.findFailingSteps, findFailingSteps());
  const listGroups = by([...LOADS, ...PARTS, ...PARENTS, ...PRUNERS], ACTIVITY_INPUTS.listFileGroups, listFileGroups());
  return notingDetails(dependencies.roots, {
    requestLease: by(PARTS, ACTIVITY_INPUTS.requestLease, requestLease(dependencies)),
    readOrgLimits: by(LEDGERS, ACTIVITY_INPUTS.readOrgLimits, readOrgLimits(dependencies)),
    checkLedger: by(LEDGERS, ACTIVITY_INPUTS.checkLedger, checkLedger(dependencies)),
    probeSource: by(LOADS, ACTIVITY_INPUTS.probeSource, probeSource(dependencies)),
    locateSource: by(LOADS, ACTIVITY_INPUTS.locateSource, locateSource(dependencies)),
    planLoad: onFiles(LOADS, ACTIVITY_INPUTS.planLoad, planLoad(dependencies)),
    checkSource: onFiles(CHECKS, ACTIVITY_INPUTS.checkSource, checkSource(dependencies)),
    createJob: by(PARTS, ACTIVITY_INPUTS.createJob, createJob(dependencies, ownJobs)),
    uploadPart: onFiles(PARTS, ACTIVITY_INPUTS.uploadPart, uploadPart(dependencies, ownJobs)),
    closeJob: by(PARTS, ACTIVITY_INPUTS.closeJob, closeJob(dependencies, ownJobs)),
    readJob: by(PARTS, ACTIVITY_INPUTS.readJob, readJob(dependencies, ownJobs)),
    abortJob: by(ABORTERS, ACTIVITY_INPUTS.abortJob, abortJob(dependencies, ownJobs)),
    describeChild: by(PARENTS, ACTIVITY_INPUTS.describeChild, describeChild()),
    findEarlierJobs: onFiles(PARTS, ACTIVITY_INPUTS.findEarlierJobs, findEarlierJobs(dependencies, ownJobs)),
    findLostJobs: by(LOADS, ACTIVITY_INPUTS.findLostJobs, findLostJobs(dependencies, ownJobs)),
    listFileGroups: () => listGroups(undefined),
    listOpenJobs: by(ORPHANS, ACTIVITY_INPUTS.listOpenJobs, listOpenJobs(dependencies)),
    downloadResults: onFiles(PARTS, ACTIVITY_INPUTS.downloadResults, downloadResults(dependencies, ownJobs)),
    pruneOutput: by(PRUNERS, ACTIVITY_INPUTS.pruneOutput, pruneOutput(dependencies)),
    recordParts: onFiles(PARENTS, ACTIVITY_INPUTS.recordParts, recordParts(dependencies)),
    readPastLoads: by(RUNS, ACTIVITY_INPUTS.readPastLoads, readPastLoads(dependencies)),
    findFailingSteps: () => failingSteps(undefined),
    readNotifyRules: by(RUNS, ACTIVITY_INPUTS.readNotifyRules, readNotifyRules(dependencies)),
    routeNotification: by(NOTIFIERS, ACTIVITY_INPUTS.routeNotification, routeNotification(dependencies)),
    sendNotification: by(NOTIFIERS, ACTIVITY_INPUTS.sendNotification, sendNotification(dependencies)),
    noteDeliveries: onFiles(NOTIFIERS, ACTIVITY_INPUTS.noteDeliveries, noteDeliveries(dependencies)),
    pingHeartbeat: by(PINGERS, ACTIVITY_INPUTS.pingHeartbeat, pingHeartbeat(dependencies)),
    readSchedules: by(WATCHERS, ACTIVITY_INPUTS.readSchedules, readSchedules(dependencies)),
    checkEarlierRun: by(RUNS, ACTIVITY_INPUTS.checkEarlierRun, checkEarlierRun()),
    notePause: by(RUNS, ACTIVITY_INPUTS.notePause, notePause(dependencies)),
    readPartSizes: onFiles(PARENTS, ACTIVITY_INPUTS.readPartSizes, readPartSizes(dependencies)),
    triageRows: onFiles(PARENTS, ACTIVITY_INPUTS.triageRows, triageRows(dependencies)),
    acceptCorrections: onFiles(LOADS, ACTIVITY_INPUTS.acceptCorrections, acceptCorrections(dependencies)),
    collectRejected: onFiles(LOADS, ACTIVITY_INPUTS.collectRejected, collectRejected(dependencies)),
    keepColumns: onFiles(LOADS, ACTIVITY_INPUTS.keepColumns, keepColumns(dependencies)),
    writeReport: onFiles(LOADS, ACTIVITY_INPUTS.writeReport, writeReport(dependencies)),
  });
}

export type Activities = ReturnType<typeof createActivities>;
