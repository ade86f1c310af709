/** A message for Slack's incoming webhooks, and for chats that accept the same. Pure. */
import { asPlainText } from '../message-text.js';
import type { MessageText, Step } from '../message-text.js';

/** Slack's limits, in characters. */
const MAX_HEADER = 150;
const MAX_SECTION = 2_900;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export function slackBody(text: MessageText): object {
  const { subject, lines, steps, link } = text;
  return {
    // For notifications on phones, and for chats without blocks.
    text: escaped(asPlainText(text)).slice(0, MAX_SECTION),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: subject.slice(0, MAX_HEADER), emoji: false } },
      // As plain text nothing in it becomes a mention, a link or a format.
      { type: 'section', text: { type: 'plain_text', text: lines.join('\n').slice(0, MAX_SECTION), emoji: false } },
      ...(steps.length === 0 ? [] : [markup(steps.map(stepLine).join('\n'))]),
      ...(link === undefined ? [] : [markup(`<${escapedLink(link)}|Open in the Temporal UI>`)]),
    ],
  };
}

function markup(text: string): object {
  return { type: 'section', text: { type: 'mrkdwn', text: text.slice(0, MAX_SECTION), verbatim: true } };
}

function stepLine({ text, command }: Step): string {
  return command === undefined
    ? `• ${escaped(text)}`
    : `• ${escaped(text)}: \`${escaped(command.replaceAll('`', "'"))}\``;
}

/** A mention or a link needs an angle bracket. */
function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ENTITIES[sign] as string);
}

/** A vertical bar would end the address. */
function escapedLink(link: string): string {
  return escaped(link.replaceAll('|', '%7C'));
}
