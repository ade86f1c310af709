/** What a load may wait for, where a message advises something about it: the end of the sentence "waits for". */

export const WAITS_FOR_RESUME = 'somebody to resume it';
