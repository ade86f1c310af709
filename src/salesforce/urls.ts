/**
 * Which addresses a token may travel to: https anywhere, plain http only within this machine.
 */
import { NightloadError } from '../errors.js';
import { plainText } from '../plain-text.js';
import { isLoopback } from '../proxy.js';

/** Addresses under which people see an org in a browser; none of them answers calls of the API. */
const BROWSER_HOST =
  /^(?<name>[a-z0-9-]+)(?<partition>\.[a-z]+)?\.(?<site>lightning\.force\.com|my\.salesforce-setup\.com|vf\.force\.com)$/;
/** Before enhanced domains, the label of the instance stood in its name: `acme--c.na139.visual.force.com`. */
const OLD_VISUALFORCE = /^(?<name>[a-z0-9-]+)(?:\.[a-z]+\d+)?\.visual(?:\.force|force)\.com$/;

/**
 * The My Domain address of the org that a browser shows under another name: Lightning, Setup or Visualforce.
 *
 * @returns undefined when it is no such address
 */
export function myDomainOf(hostname: string): string | undefined {
  const { name, partition, site } =
    (BROWSER_HOST.exec(hostname) ?? OLD_VISUALFORCE.exec(hostname))?.groups ?? ({} as Record<string, undefined>);
  if (name === undefined) return undefined;
  // A page of Visualforce lies in a package, whose label follows the org's own: `acme--uat--c`.
  const labels = name.split('--');
  const own = site === undefined || site === 'vf.force.com' ? labels.slice(0, Math.max(1, labels.length - 1)) : labels;
  return `${own.join('--')}${partition ?? (own.length > 1 ? '.sandbox' : '')}.my.salesforce.com`;
}

/**
 * The origin (`https://host[:port]`) of an address given by a user or by the login server.
 *
 * @param setting what the address is called where it was set, for the error text
 * @throws NightloadError `INVALID_URL`; `BROWSER_URL` for the address of a page; `INSECURE_URL` for plain http to
 *   another machine
 */
export function safeOrigin(address: string, setting: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // The text is not repeated when it cannot be read: it may be a secret that was put into the wrong variable.
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new NightloadError(
      'INVALID_URL',
      `${setting} is not a web address. Give it as https://acme.my.salesforce.com.`,
    );
  }
  const myDomain = myDomainOf(url.hostname);
  if (myDomain !== undefined) {
    // Before the path is checked: it is copied from a browser with its path.
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
      `${setting} is ${url.origin}: plain http would send the token readable over the network. ` +
        'Use https; http is accepted only for localhost, 127.0.0.0/8 and [::1].',
    );
  }
  return url.origin;
}

/** Where orgs answer: below these, Salesforce alone gives out names. */
const SALESFORCE_HOSTS: readonly string[] = ['.salesforce.com', '.salesforce.mil'];

/**
 * The origin that a login server names for the calls that follow. The token goes there, so it must be an address of
 * Salesforce, of the login server itself, or one that the settings name; of this machine only for a login on this machine.
 *
 * @param hosts that the settings name: `sf.acme.example`, or `*.acme.example` for all below
 * @throws NightloadError `INSTANCE_URL_REFUSED`, and those of {@link safeOrigin}
 */
export function instanceOrigin(address: string, login: string, hosts: readonly string[]): string {
  const origin = safeOrigin(address, `The instance_url from ${login}`);
  const { hostname } = new URL(origin);
  const loginHost = new URL(login).hostname;
  const isNamed = hosts.some((host) => matchesHost(hostname, host));
  const isKnown = SALESFORCE_HOSTS.some((suffix) => hostname.endsWith(suffix));
  const isSame = hostname === loginHost || (isLoopback(hostname) && isLoopback(loginHost));
  if (isNamed || isKnown || isSame) return origin;
  throw new NightloadError(
    'INSTANCE_URL_REFUSED',
    `${login} names ${plainText(hostname, 100)} as the address of the org, which is not one of Salesforce (*.my.salesforce.com, ` +
      '*.salesforce.com, *.salesforce.mil). No token was sent there. Check SF_LOGIN_URL; if the address is right, name the host in ' +
      'instanceUrlHosts of the connection (docs/connections.md).',
  );
}

function matchesHost(hostname: string, named: string): boolean {
  const host = named.toLowerCase();
  return host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host;
}
