/** Which org a connection leads to, so that loads by different connections share its limits. */
import type { AccessToken } from './tokens.js';
import { isLoopback } from '../proxy.js';

/** Access tokens begin with the id of their org, 15 characters or 18. */
const ORG_ID = /^(00D[A-Za-z0-9]{12})(?:[A-Za-z0-9]{3})?!/;

/** The org's id, 15 characters; the host where the token does not tell it. Simulated orgs all have the same id. */
export function organizationOf({ accessToken, instanceUrl }: AccessToken): string {
  const { host, hostname } = new URL(instanceUrl);
  return isLoopback(hostname) ? host : (ORG_ID.exec(accessToken)?.[1] ?? host);
}
