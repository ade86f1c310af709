/** A message as a mail: text, and simple HTML for those who read it on a phone. Pure. */
import { createHash } from 'node:crypto';
import type { NotifyMessage } from '../../contract/notification.js';
import { asPlainText } from '../message-text.js';
import type { MessageText } from '../message-text.js';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export interface MailContent {
  subject: string;
  text: string;
  html: string;
}

export function mailContent(message: MessageText): MailContent {
  const { subject, lines, steps, link } = message;
  const listed = steps.map(({ text, command }) =>
    command === undefined ? escaped(text) : `${escaped(text)}: <code>${escaped(command)}</code>`,
  );
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"></head>',
    '<body style="font-family:sans-serif;line-height:1.4">',
    `<h3>${escaped(subject)}</h3>`,
    ...lines.map((line) => `<p>${escaped(line)}</p>`),
    ...(listed.length === 0
      ? []
      : ['<p>What to do:</p>', `<ul>${listed.map((step) => `<li>${step}</li>`).join('')}</ul>`]),
    ...(link === undefined ? [] : [`<p><a href="${escaped(link)}">Open in the Temporal UI</a></p>`]),
    '</body></html>',
  ];
  return { subject, text: `${asPlainText(message)}\n`, html: html.join('\n') };
}

/**
 * The same at every repetition of a message, so that a mail server may recognize one.
 * @param from whose domain it has
 */
export function mailId({ id }: Pick<NotifyMessage, 'id'>, from: string): string {
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 40);
  return `<nightload-${hash}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string);
}
