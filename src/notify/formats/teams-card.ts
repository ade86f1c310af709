/** A message for the incoming webhooks of Microsoft Teams: an adaptive card. Pure. */
import type { MessageText } from '../message-text.js';

export function teamsCard({ subject, lines, steps, link }: MessageText): object {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            paragraph({ text: subject, weight: 'Bolder', size: 'Medium' }),
            ...lines.map((text) => paragraph({ text })),
            ...steps.map(({ text, command }) =>
              command === undefined
                ? paragraph({ text: `• ${text}` })
                : paragraph({ text: `• ${text}: ` }, { text: command, fontType: 'Monospace' }),
            ),
          ],
          actions: link === undefined ? [] : [{ type: 'Action.OpenUrl', title: 'Open in the Temporal UI', url: link }],
        },
      },
    ],
  };
}

interface Run {
  text: string;
  weight?: 'Bolder';
  size?: 'Medium';
  fontType?: 'Monospace';
}

/** Text runs are shown as they are; a `TextBlock` would read them as Markdown. */
function paragraph(...runs: readonly Run[]): object {
  return { type: 'RichTextBlock', inlines: runs.map((run) => ({ type: 'TextRun', ...run })) };
}
