/**
 * What all workflows of a worker share, when the worker uses our bundle: zod, and the schemas of inputs and results. When
 * each workflow made its own, they took a third of its time and more than half of its memory. They are pure, and
 * nothing that a workflow does changes what they accept.
 */
import './zod-settings.js';
import '../../domain/input/other-inputs.js';
import '../../domain/input/resolve-input.js';
import '../../domain/result-schema.js';
import '../../protocol/activities/activity-results.js';

declare const __webpack_modules__: Record<string, unknown> | undefined;

/** The SDK freezes what is shared, with everything in it. Schemas complete themselves when they are first used. */
function keepSchemasUsable(): void {
  if (typeof __webpack_modules__ === 'undefined') return;
  const { __webpack_module_cache__: loaded } = globalThis as {
    __webpack_module_cache__?: Record<string, { exports: object } | undefined>;
  };
  // It leaves out what is frozen already; the values inside are not.
  for (const id of Object.keys(__webpack_modules__)) {
    const { exports } = loaded?.[id] ?? {};
    if (!id.includes('node_modules') && exports !== undefined) Object.freeze(exports);
  }
}

keepSchemasUsable();
