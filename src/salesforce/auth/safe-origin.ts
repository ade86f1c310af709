/** Addresses to which a token may be sent: https anywhere, plain http only within this machine. */
import { NightloadError } from '../../errors.js';
import { plainText } from '../../domain/text/plain-text.js';
import { isLoopback } from '../../runtime/proxy.js';

/** Addresses of an org in a browser; none of them accepts API calls. */
const BROWSER_HOST =
  /^(?<name>[a-z0-9-]+)(?<partition>\.[a-z]+)?\.(?<site>lightning\.force\.com|my\.salesforce-setup\.com|vf\.force\.com)$/;
/** Before enhanced domains, the name contained the instance: `acme--c.na139.visual.force.com`. */
const OLD_VISUALFORCE = /^(?<name>[a-z0-9-]+)(?:\.[a-z]+\d+)?\.visual(?:\.force|force)\.com$/;

/**
 * The My Domain address of an org from its Lightning, Setup or Visualforce address.
 *
 * @returns undefined for any other address
 */
function myDomainOf(hostname: string): string | undefined {
  const { name, partition, site } =
    (BROWSER_HOST.exec(hostname) ?? OLD_VISUALFORCE.exec(hostname))?.groups ?? ({} as Record<string, undefined>);
  if (name === undefined) return undefined;
  // A Visualforce page belongs to a package, whose label follows the org's own: `acme--uat--c`.
  const labels = name.split('--');
  const own = site === undefined || site === 'vf.force.com' ? labels.slice(0, Math.max(1, labels.length - 1)) : labels;
  return `${own.join('--')}${partition ?? (own.length > 1 ? '.sandbox' : '')}.my.salesforce.com`;
}

/**
 * The origin (`https://host[:port]`) of an address given by a user.
 *
 * @param setting name of the setting, for the error text
 * @throws NightloadError `INVALID_URL`; `BROWSER_URL` for the address of a page; `INSECURE_URL` for plain http to
 *   another machine
 */
export function safeOrigin(address: string, setting: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // An unreadable text is not repeated: it may be a secret in the wrong variable.
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new NightloadError('INVALID_URL', `${setting} is not a URL. Use the form https://acme.my.salesforce.com.`);
  }
  const myDomain = myDomainOf(url.hostname);
  if (myDomain !== undefined) {
    // Before the path check: addresses copied from a browser have a path.
    throw new NightloadError(
      'BROWSER_URL',
      `${setting} is https://${url.hostname}, an address for browsers that does not answer API calls. ` +
        `Use the org's My Domain address: https://${myDomain}.`,
    );
  }
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new NightloadError('INVALID_URL', `${setting} must be an address without a path, such as ${url.origin}.`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new NightloadError(
      'INSECURE_URL',
      `${setting} is ${url.origin}: plain http would send the token in cleartext. ` +
        'Use https; http is accepted only for localhost, 127.0.0.0/8 and [::1].',
    );
  }
  return url.origin;
}

/** Domains of orgs: only Salesforce assigns names below these. */
const SALESFORCE_HOSTS: readonly string[] = ['.salesforce.com', '.salesforce.mil'];
const NAME_THE_HOST = ' If the host is correct, add it to instanceUrlHosts of the connection (docs/connections.md).';

/**
 * The origin that a login server returns for the following calls. The token goes there, so it must be an address of
 * Salesforce, of the login server itself, or one from the settings; an address of this machine is accepted only for a
 * login on this machine.
 *
 * @param hosts from the settings: `sf.acme.example`, or `*.acme.example` for all below
 * @throws NightloadError `INSTANCE_URL_REFUSED`
 */
export function instanceOrigin(address: string, login: string, hosts: readonly string[]): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The text comes from the login server, so it is not repeated, and the user cannot correct it.
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw instanceRefused(login, 'it is not a URL');
  }
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw instanceRefused(login, 'it has more than a host: a username, a path or a query');
  }
  const { hostname } = url;
  if (url.protocol === 'http:' && !isLoopback(hostname)) {
    throw instanceRefused(login, 'it is plain http, which would send the token in cleartext');
  }
  const loginHost = new URL(login).hostname;
  const isSame = hostname === loginHost || (isLoopback(hostname) && isLoopback(loginHost));
  if (isSame || isPermittedHost(hostname, hosts)) return url.origin;
  throw instanceRefused(login, notSalesforce(hostname), NAME_THE_HOST);
}

/**
 * The origin that the Salesforce CLI of this machine names for an org. The token goes there, so it is
 * checked as that of a login server is; this machine is permitted, since the CLI runs on it.
 *
 * @param hosts that the settings name
 * @throws NightloadError `INSTANCE_URL_REFUSED`, and as {@link safeOrigin}
 */
export function cliOrigin(address: string, alias: string, hosts: readonly string[]): string {
  const origin = safeOrigin(address, `The instance URL of "${alias}" in the Salesforce CLI`);
  const { hostname } = new URL(origin);
  if (isLoopback(hostname) || isPermittedHost(hostname, hosts)) return origin;
  throw new NightloadError(
    'INSTANCE_URL_REFUSED',
    `The Salesforce CLI returned an address for "${alias}" that nightload does not trust, so no token was sent to it: ${notSalesforce(hostname)}. ` +
      `Check it: sf org display --target-org ${alias}.${NAME_THE_HOST}`,
  );
}

function isPermittedHost(hostname: string, hosts: readonly string[]): boolean {
  return (
    SALESFORCE_HOSTS.some((suffix) => hostname.endsWith(suffix)) || hosts.some((host) => matchesHost(hostname, host))
  );
}

function notSalesforce(hostname: string): string {
  return `its host, ${plainText(hostname, 100)}, is not a Salesforce host (*.my.salesforce.com, *.salesforce.com, *.salesforce.mil)`;
}

function instanceRefused(login: string, why: string, otherwise = ''): NightloadError {
  return new NightloadError(
    'INSTANCE_URL_REFUSED',
    `The login server ${login} issued a token, but its org address (instance_url) is refused: ${why}. ` +
      `No token was sent there. Check that SF_LOGIN_URL leads to Salesforce, and that nothing, such as a proxy, answers in its place.${otherwise}`,
  );
}

function matchesHost(hostname: string, named: string): boolean {
  const host = named.toLowerCase();
  return host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host;
}
