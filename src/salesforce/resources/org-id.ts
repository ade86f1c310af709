/** Identifies the org of a connection, so that loads by different connections share its limits. */
import type { AccessToken } from '../auth/token-source.js';
import { isLoopback } from '../../runtime/proxy.js';

/** Access tokens begin with the id of their org, 15 or 18 characters. */
const ORG_ID = /^(00D[A-Za-z0-9]{12})(?:[A-Za-z0-9]{3})?!/;

/** The org's id, 15 characters; the host if the token does not contain one. Simulated orgs all have the same id. */
export function organizationOf({ accessToken, instanceUrl }: AccessToken): string {
  const { host, hostname } = new URL(instanceUrl);
  return isLoopback(hostname) ? host : (ORG_ID.exec(accessToken)?.[1] ?? host);
}
