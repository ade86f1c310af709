/** Settings of a connection: the org, its login, and what loads may do with it. */
import type { Secret } from '../../runtime/secret.js';
import type { JwtSettings } from '../auth/jwt.js';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import type { Allow } from './allow-list.js';

interface TokenSettings {
  auth: 'token';
  instanceUrl: string;
  accessToken: Secret;
}

interface ClientCredentialsSettings {
  auth: 'clientCredentials';
  /** The org's own address (My Domain). */
  loginUrl: string;
  clientId: string;
  clientSecret: Secret;
  instanceUrlHosts?: readonly string[];
}

interface RefreshTokenSettings {
  auth: 'refreshToken';
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  refreshToken: Secret;
  /** Folder for refresh tokens that the org rotates. Without it, an org that rotates them is refused. */
  tokensFolder?: string;
  instanceUrlHosts?: readonly string[];
}

interface JwtBearerSettings extends JwtSettings {
  auth: 'jwt';
}

interface SfCliSettings {
  auth: 'sfCli';
  /** An alias or user name of a login in the Salesforce CLI on this machine. */
  alias: string;
  instanceUrlHosts?: readonly string[];
}

export type LoginSettings =
  TokenSettings | ClientCredentialsSettings | JwtBearerSettings | RefreshTokenSettings | SfCliSettings;

/** Settings needed to open a connection. */
export type OrgSettings = LoginSettings & {
  /** `v66.0`. @default the highest that the org offers, at most the newest tested one */
  apiVersion?: string;
  /** Name and file, if it comes from a connections file. */
  origin?: { name: string; file: string };
  /** Files that its references name. */
  secretFiles?: readonly string[];
};

export type ConnectionSettings = OrgSettings & {
  /** Share of the org's rolling limits that nightload may use. */
  allocation: Allocation;
  /** Permitted uses. @default everything */
  allow?: Allow;
};

export type Environment = Readonly<Record<string, string | undefined>>;
