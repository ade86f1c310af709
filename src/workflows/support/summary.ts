/** Summaries of timers and activities, which Temporal shows in a history and limits in size. */

const MAX_SUMMARY = 190;

export function summaryOf(text: string): string {
  return text.slice(0, MAX_SUMMARY);
}
