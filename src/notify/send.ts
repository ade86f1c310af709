/** Sends one message to one target, once. Whether and when to try again is the caller's decision. */
import type { NotifyMessage } from '../contract/notification.js';
import type { SendOptions, Sent } from './sending.js';
import { sendToChat } from './senders/chat.js';
import { sendByEmail } from './senders/email.js';
import { runProgram } from './senders/exec.js';
import { sendToWebhook } from './senders/webhook.js';
import type { Target } from './settings.js';

/**
 * @throws NotifyError; NightloadError if a secret cannot be read; the signal's reason; the error of `aboutToSend`
 */
export function send(target: Target, message: NotifyMessage, options: SendOptions): Promise<Sent> {
  switch (target.type) {
    case 'webhook':
      return sendToWebhook(target, message, options);
    case 'slack':
    case 'teams':
      return sendToChat(target, message, options);
    case 'email':
      return sendByEmail(target, message, options);
    case 'exec':
      return runProgram(target, message, options);
  }
}
