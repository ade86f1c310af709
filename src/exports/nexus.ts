/** `nightload/nexus`: the service with which other namespaces and teams start loads. */
export { nightloadService } from '../contract/nexus-service.js';
