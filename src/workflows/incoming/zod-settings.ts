/**
 * Imported first: in a workflow zod builds no code from text, so what it does is the same in each replay. Our bundles
 * share zod between workflows through this module, which freezes its settings.
 */
import { config, object } from 'zod';

config({ jitless: true });
// The first object completes zod's settings.
object({});
