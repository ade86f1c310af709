/** Sends a message to a webhook: signed JSON, which a receiver can verify and recognize. */
import { createHmac } from 'node:crypto';
import { wholeText } from '../../domain/text/shown.js';
import { webAddressOf } from '../addresses.js';
import { webhookBody } from '../formats/webhook-body.js';
import type { Sender } from '../sending.js';
import type { WebhookTarget } from '../settings.js';
import { httpPost } from './http-post.js';

export const sendToWebhook: Sender<WebhookTarget> = async (target, message, options) => {
  const body = webhookBody(message);
  const signature = createHmac('sha256', target.secret.reveal()).update(body).digest('hex');
  await httpPost(
    {
      who: 'The webhook',
      url: webAddressOf(target.url, "The webhook's url"),
      body,
      headers: {
        'X-Nightload-Event': message.event,
        'X-Nightload-Delivery': headerValue(message.id),
        'X-Nightload-Signature': `sha256=${signature}`,
        ...(options.isTest === true && { 'X-Nightload-Test': 'true' }),
      },
    },
    options,
  );
  return {};
};

/** A workflow id may have any character; a header may not. Ids of the usual form stay as they are. */
function headerValue(id: string): string {
  return id.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(wholeText(character, 2)));
}
