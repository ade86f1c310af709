/** All message handlers of a load: for messages from people and from its own children. */
import { setHandler } from '@temporalio/workflow';
import {
  partProgressSignal,
  pauseSignal,
  pollNowSignal,
  progressQuery,
  resumeSignal,
  retryProgressSignal,
  soFarQuery,
  submitCorrectionsUpdate,
} from '../../protocol/messages/load-messages.js';
import { checkMessage, submitCorrections } from '../corrections/hold.js';
import { signalHandler, noArguments, readPartNow, readText } from '../incoming/parse-messages.js';
import type { Load } from './load.js';
import { setPaused } from './pause.js';
import { progressOf, soFarOf } from './progress.js';

export function handleMessages(load: Load): void {
  setHandler(
    pollNowSignal,
    signalHandler('pollNow', noArguments, () => load.pollNow()),
    { description: 'Polls all running jobs now instead of at their next timer.' },
  );
  setHandler(
    partProgressSignal,
    signalHandler('partProgress', readPartNow, (part) => load.enterPartProgress(part)),
    { description: 'Sent by the part: progress of its job.' },
  );
  setHandler(
    retryProgressSignal,
    signalHandler('retryProgress', readText, (text) => load.waitFor(text)),
    { description: 'Sent by the retry: what it does or waits for.' },
  );
  setHandler(progressQuery, () => progressOf(load), { description: 'Phase, counts and parts of the load.' });
  setHandler(soFarQuery, () => soFarOf(load), {
    description: 'The result so far: ended jobs, files, requests.',
  });
  setHandler(
    pauseSignal,
    signalHandler('pause', noArguments, () => setPaused(load, true)),
    { description: 'Starts no new jobs; running jobs continue and are polled.' },
  );
  setHandler(
    resumeSignal,
    signalHandler('resume', noArguments, () => setPaused(load, false)),
    { description: 'Starts jobs again after a pause.' },
  );
  setHandler(submitCorrectionsUpdate, (message) => submitCorrections(load, message), {
    description:
      'Corrections of rejected rows, as the file: URI of a CSV in the format of the rejected file. Accepted during the hold.',
    validator: (message) => checkMessage(load, message),
  });
}
