/**
 * Reads the connection settings from Temporal's own environment variables and files; errors name the setting that
 * cannot be used.
 */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConfigProfile, loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NightloadError } from '../../errors.js';
import { withCauses } from '../../domain/text/plain-text.js';
import { proxyOptions } from './proxy.js';

export interface TemporalSettings {
  address: string;
  namespace: string;
  connectionOptions: ConnectionOptions & NativeConnectionOptions;
}

const FILES = {
  clientCert: 'TEMPORAL_TLS_CLIENT_CERT_PATH',
  clientKey: 'TEMPORAL_TLS_CLIENT_KEY_PATH',
  serverCACert: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
} as const;

/** @throws NightloadError `TEMPORAL_CONFIG_INVALID`, `INVALID_PROXY` */
export function temporalSettings(env: NodeJS.ProcessEnv = process.env): TemporalSettings {
  const overrideEnvVars = env as Record<string, string>;
  const configFile = env['TEMPORAL_CONFIG_FILE'];
  // The SDK ignores a missing file.
  if (configFile) refuseUnreadable(configFile, 'TEMPORAL_CONFIG_FILE');
  let profile: ReturnType<typeof loadClientConfigProfile>;
  try {
    profile = loadClientConfigProfile({ overrideEnvVars });
  } catch (error) {
    const where = configFile ? `TEMPORAL_CONFIG_FILE names ${configFile}` : "Temporal's configuration file";
    throw invalid(
      `${where}${env['TEMPORAL_PROFILE'] ? `, TEMPORAL_PROFILE names ${env['TEMPORAL_PROFILE']}` : ''}: ${withCauses(error, 300)}.`,
      error,
    );
  }
  const { tls } = profile;
  if (tls !== undefined && tls.disabled !== true) {
    for (const [key, variable] of Object.entries(FILES) as [keyof typeof FILES, string][]) {
      const source = tls[key];
      if (source !== undefined && 'path' in source) refuseUnreadable(source.path, variable);
    }
    if ((tls.clientCert === undefined) !== (tls.clientKey === undefined)) {
      const [given, missing] = tls.clientKey === undefined ? (['CERT', 'KEY'] as const) : (['KEY', 'CERT'] as const);
      throw invalid(
        `A client ${given === 'CERT' ? 'certificate' : 'key'} is set (TEMPORAL_TLS_CLIENT_${given}_PATH), but its counterpart is not: also set TEMPORAL_TLS_CLIENT_${missing}_PATH.`,
      );
    }
  }
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
  refuseBroken(connectionOptions as ConnectionOptions);
  const address = connectionOptions.address ?? 'localhost:7233';
  return {
    address,
    namespace: namespace ?? 'default',
    connectionOptions: {
      ...(connectionOptions as ConnectionOptions & NativeConnectionOptions),
      ...proxyOptions(address),
    },
  };
}

function refuseUnreadable(path: string, variable: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(
      `${variable} names ${path}, which ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}. ` +
        'Correct the path, or the corresponding setting in the Temporal configuration file.',
      error,
    );
  }
}

/** Otherwise an invalid certificate file would only show as a connection that is never established. */
function refuseBroken({ tls }: ConnectionOptions): void {
  if (typeof tls !== 'object' || tls === null) return;
  const { serverRootCACertificate: ca, clientCertPair: pair } = tls;
  const attempt = (what: string, read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      throw invalid(`${what}: ${withCauses(error, 200)}.`, error);
    }
  };
  if (ca) attempt(`${FILES.serverCACert} is not a PEM certificate`, () => new X509Certificate(ca));
  if (pair) {
    attempt(`${FILES.clientCert} and ${FILES.clientKey} are not a PEM certificate and its key`, () =>
      createSecureContext({ cert: Buffer.from(pair.crt), key: Buffer.from(pair.key) }),
    );
  }
}

function invalid(message: string, cause?: unknown): NightloadError {
  return new NightloadError('TEMPORAL_CONFIG_INVALID', message, { cause });
}
