/**
 * Limits the environment variables that other programs get: an allow-list, because the names of secrets cannot all be
 * known. A worker's environment has keys of orgs, payloads, clouds and Temporal. Also finds programs: an empty or
 * relative entry of PATH would mean the folder of the files to load, where others may write.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** To find programs, homes and temporary files, and for the user's language. */
const ANY = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|TZ|TERM|NO_COLOR)$/,
  /^(?:LANG|LANGUAGE|LC_[A-Z]+)$/,
  /^(?:TMPDIR|TMP|TEMP)$/,
  /^XDG_(?:CACHE|CONFIG|DATA|STATE)_HOME$/,
  /^(?:SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/,
  // Required on Windows, whose names ignore letter case.
  /^(?:systemroot|systemdrive|windir|comspec|pathext|userprofile|appdata|localappdata|programdata|programfiles.*|path)$/i,
];

/** Variables of specific programs. */
const OWN: readonly (readonly [program: RegExp, names: RegExp])[] = [
  // A proxy address may contain a password: only for programs that use the network.
  [/^(?:python|pip)|^(?:go|sf|java|mvn)$/, /^(?:https?|all|no)_proxy$/i],
  [/^(?:python|pip)/, /^(?:PIP_[A-Z_]+|PYTHON[A-Z]+|VIRTUAL_ENV|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/],
  [/^go$/, /^(?:GO[A-Z0-9_]+|CGO_[A-Z_]+|CC|CXX|GIT_SSL_CAINFO)$/],
  // Location and access settings of its logins; its token variables are not included, since nightload has the same.
  [
    /^sf$/,
    /^(?:DBUS_SESSION_BUS_ADDRESS|SF_(?:DATA_DIR|CONFIG_DIR|CACHE_DIR|ORG_INSTANCE_URL)|SF(?:DX)?_USE_GENERIC_UNIX_KEYCHAIN)$/,
  ],
  [/^(?:java|mvn)$/, /^(?:JAVA_HOME|JAVA_TOOL_OPTIONS|MAVEN_OPTS|MAVEN_ARGS|M2_HOME)$/],
];

/**
 * @param program name, for its specific variables
 * @param env of the calling process
 */
export function cleanEnvironment(program: string, env: Environment = process.env): NodeJS.ProcessEnv {
  const name = program.split(/[\\/]/).at(-1) ?? '';
  const allowed = [...ANY, ...OWN.filter(([programs]) => programs.test(name)).map(([, names]) => names)];
  const kept = Object.entries(env).filter(([key]) => allowed.some((pattern) => pattern.test(key)));
  return Object.fromEntries(
    kept.map(([key, value]) => [key, /^path$/i.test(key) ? absoluteFolders(value).join(delimiter) : value]),
  );
}

/** Finds a program by name in an absolute folder of PATH; a path is only made absolute. */
export function findProgram(name: string, env: Environment = process.env): string | undefined {
  if (/[\\/]/.test(name)) return resolve(name);
  return absoluteFolders(env['PATH'] ?? env['Path'])
    .flatMap((folder) => ENDINGS.map((ending) => join(folder, name + ending)))
    .find(isProgram);
}

const ENDINGS = process.platform === 'win32' ? ['.exe', '.com'] : [''];

function absoluteFolders(path = ''): string[] {
  return path.split(delimiter).filter(isAbsolute);
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
