/**
 * What other programs get to see of this process's environment: an allow-list, because nobody knows all names that
 * secrets have. A worker's has the keys of orgs, of payloads, of clouds and of Temporal.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** To find programs, homes and temporary files, to speak the user's language, and to reach the network as he does. */
const ANY = [
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|PWD|TZ|TERM|NO_COLOR)$/,
  /^(?:LANG|LANGUAGE|LC_[A-Z]+)$/,
  /^(?:TMPDIR|TMP|TEMP)$/,
  /^XDG_(?:CACHE|CONFIG|DATA|STATE)_HOME$/,
  /^(?:https?|all|no)_proxy$/i,
  /^(?:SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/,
  // Without these nothing starts on Windows, which has its names in either letter case.
  /^(?:systemroot|systemdrive|windir|comspec|pathext|userprofile|appdata|localappdata|programdata|programfiles.*|path)$/i,
];

/** What belongs to a program itself. */
const OWN: readonly (readonly [program: RegExp, names: RegExp])[] = [
  [/^(?:python|pip)/, /^(?:PIP_[A-Z_]+|PYTHON[A-Z]+|VIRTUAL_ENV|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/],
  [/^go$/, /^(?:GO[A-Z0-9_]+|CGO_[A-Z_]+|CC|CXX|GIT_SSL_CAINFO)$/],
  // Where its logins lie and how it opens them; its variables for tokens are not among them, since nightload has the same.
  [
    /^sf$/,
    /^(?:DBUS_SESSION_BUS_ADDRESS|SF_(?:DATA_DIR|CONFIG_DIR|CACHE_DIR|ORG_INSTANCE_URL)|SF(?:DX)?_USE_GENERIC_UNIX_KEYCHAIN)$/,
  ],
  [/^(?:java|mvn)$/, /^(?:JAVA_HOME|JAVA_TOOL_OPTIONS|MAVEN_OPTS|MAVEN_ARGS|M2_HOME)$/],
];

/**
 * @param program by its name, for what belongs to it
 * @param env of whoever starts it
 */
export function cleanEnvironment(program: string, env: Environment = process.env): NodeJS.ProcessEnv {
  const name = program.split(/[\\/]/).at(-1) ?? '';
  const allowed = [...ANY, ...OWN.filter(([programs]) => programs.test(name)).map(([, names]) => names)];
  return Object.fromEntries(Object.entries(env).filter(([key]) => allowed.some((pattern) => pattern.test(key))));
}
