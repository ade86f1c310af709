/** Sends a message to a channel of Slack or Teams by its incoming webhook. */
import { webAddressOf } from '../addresses.js';
import { slackBody } from '../formats/slack-body.js';
import { teamsCard } from '../formats/teams-card.js';
import { messageText } from '../message-text.js';
import type { Sender } from '../sending.js';
import type { ChatTarget } from '../settings.js';
import { httpPost } from './http-post.js';

export const sendToChat: Sender<ChatTarget> = async ({ type, url }, message, options) => {
  const text = messageText(message, options.isTest);
  const [who, body] = type === 'slack' ? ['Slack', slackBody(text)] : ['Teams', teamsCard(text)];
  await httpPost({ who, url: webAddressOf(url, `The url of ${who}`), body: JSON.stringify(body) }, options);
  return {};
};
