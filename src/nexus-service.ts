/**
 * The Nexus service by which other namespaces and teams start loads. A definition only, nothing from Node: callers
 * import it into their workflow code.
 * @experimental Nexus in Temporal's TypeScript SDK is.
 */
import { operation, service } from 'nexus-rpc';
import type { BulkLoadInput, BulkLoadResult } from './contract.js';

/** Service `nightload`, operation `bulkLoad`: one load, from its input to its result. */
export const nightloadService = service('nightload', {
  bulkLoad: operation<BulkLoadInput, BulkLoadResult>({ name: 'bulkLoad' }),
});
