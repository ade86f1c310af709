/**
 * The Nexus service with which other namespaces and teams start loads. Only a definition, without Node imports: callers
 * import it into their workflow code.
 * @experimental Nexus in Temporal's TypeScript SDK is experimental.
 */
import { operation, service } from 'nexus-rpc';
import type { BulkLoadInput } from './load-input.js';
import type { BulkLoadResult } from './load-result.js';

/** Service `nightload`, operation `bulkLoad`: one load, from its input to its result. */
export const nightloadService = service('nightload', {
  bulkLoad: operation<BulkLoadInput, BulkLoadResult>({ name: 'bulkLoad' }),
});
