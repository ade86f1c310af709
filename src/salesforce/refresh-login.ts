/**
 * Logins by refresh token. Where the org rotates refresh tokens, each is good for one login and the reply brings the
 * next: it is kept on disk before the access token beside it is used, and shared by all workers of the folder.
 */
import { NightloadError } from '../errors.js';
import { KeptTokens, openTokenFolder } from './kept-tokens.js';
import type { KeptToken, PreparedToken } from './kept-tokens.js';
import type { HeldLock, LockTimes } from './renewal-lock.js';
import type { Secret } from './secret.js';
import type { AccessToken } from './tokens.js';

/** What the login server answers. */
export interface TokenReply {
  token: AccessToken;
  /** The next one; orgs that do not rotate them send none. */
  refreshToken: string | undefined;
}

export interface RefreshSettings {
  origin: string;
  clientId: string;
  /** As the settings have it; read for each login. */
  refreshToken: Secret;
  /** Where rotated ones are kept. Without it, the org must not rotate them. */
  tokensFolder?: string | undefined;
  lockTimes?: Partial<LockTimes> | undefined;
}

/** After these, the login server may have done what it was asked. */
const WITHOUT_ANSWER: readonly string[] = ['LOGIN_UNREACHABLE', 'AUTH_UNEXPECTED_REPLY', 'INSTANCE_URL_REFUSED'];

/** Asks the login server. */
export type AskByRefreshToken = (refreshToken: string) => Promise<TokenReply>;

/** A token that came and is not on disk yet; the lock is held until it is. */
interface Unkept {
  kept: KeptTokens;
  lock: HeldLock;
  token: KeptToken;
}

export class RefreshLogin {
  readonly #settings: RefreshSettings;
  #unkept: Unkept | undefined;
  /** The configured token whose successor had no place. */
  #spent: string | undefined;
  /** An answer was lost on its way: it may have brought the next token. */
  #answerLost = false;

  /** @throws NightloadError `TOKENS_FOLDER_UNUSABLE` */
  constructor(settings: RefreshSettings) {
    this.#settings = settings;
    if (settings.tokensFolder !== undefined) openTokenFolder(settings.tokensFolder);
  }

  /** @param stale the access token that the org refused, if there is one */
  async login(ask: AskByRefreshToken, stale: string | undefined): Promise<AccessToken> {
    const { origin, clientId, tokensFolder, lockTimes } = this.#settings;
    const refreshToken = this.#settings.refreshToken.reveal();
    if (tokensFolder === undefined) return this.#withoutPlace(refreshToken, ask);
    if (this.#unkept !== undefined) return this.#keepAtLast(this.#unkept);
    const kept = new KeptTokens(tokensFolder, { origin, clientId, refreshToken }, lockTimes);
    const lock = await kept.lock();
    try {
      return await this.#renew(kept, lock, refreshToken, ask, stale);
    } finally {
      if (this.#unkept === undefined) await lock.release();
    }
  }

  async #renew(
    kept: KeptTokens,
    lock: HeldLock,
    configured: string,
    ask: AskByRefreshToken,
    stale: string | undefined,
  ): Promise<AccessToken> {
    const known = await kept.read();
    // Another worker has renewed it already.
    if (known !== undefined && known.accessToken !== stale) return shared(known);
    const used = known?.refreshToken ?? configured;
    const prepared = await kept.prepare().catch(notKept);
    let reply: TokenReply;
    try {
      if (!(await lock.isHeld())) throw passedOver();
      reply = await ask(used);
    } catch (error) {
      await prepared.drop();
      // Read once more: somebody whom no lock kept away may have renewed it meanwhile.
      const newer = isRefused(error) ? await kept.read() : undefined;
      if (newer !== undefined && newer.refreshToken !== used) return shared(newer);
      throw this.#explained(error, lock);
    }
    this.#answerLost = false;
    const { token } = reply;
    const next = reply.refreshToken ?? used;
    // Nothing was rotated, now or before: there is nothing to keep.
    if (next === configured && known === undefined) {
      await prepared.drop();
      return token;
    }
    const { accessToken, instanceUrl } = token;
    const keeping = { refreshToken: next, accessToken, instanceUrl };
    await this.#keep({ kept, lock, token: keeping }, prepared);
    return shared(keeping);
  }

  async #keep(unkept: Unkept, prepared: PreparedToken): Promise<void> {
    this.#unkept = unkept;
    try {
      await prepared.keep(unkept.token);
      this.#unkept = undefined;
    } catch (error) {
      await prepared.drop();
      notKept(error);
    }
  }

  /** The login server is not asked again: only this process knows the token. */
  async #keepAtLast(unkept: Unkept): Promise<AccessToken> {
    await this.#keep(unkept, await unkept.kept.prepare().catch(notKept));
    await unkept.lock.release();
    return shared(unkept.token);
  }

  async #withoutPlace(refreshToken: string, ask: AskByRefreshToken): Promise<AccessToken> {
    if (this.#spent === refreshToken) throw noPlace(this.#settings.origin);
    const reply = await ask(refreshToken);
    if (reply.refreshToken === undefined || reply.refreshToken === refreshToken) return reply.token;
    this.#spent = refreshToken;
    throw noPlace(this.#settings.origin);
  }

  /** A refusal after a lost answer has one cause that nobody would guess. */
  #explained(error: unknown, lock: HeldLock): unknown {
    if (!isRefused(error)) {
      this.#answerLost ||= error instanceof NightloadError && WITHOUT_ANSWER.includes(error.code);
      return error;
    }
    if (!this.#answerLost && !lock.inherited) return error;
    const { code, message, retryable } = error;
    const why =
      ' A renewal before this one got no answer (a process was killed, or the network failed): if the org rotates refresh tokens, ' +
      'the next one was in it.';
    return new NightloadError(code, message + why, { retryable, cause: error });
  }
}

function shared({ accessToken, instanceUrl }: KeptToken): AccessToken {
  return { accessToken, instanceUrl, shared: true };
}

function isRefused(error: unknown): error is NightloadError {
  return error instanceof NightloadError && error.code === 'AUTH_INVALID_GRANT';
}

function passedOver(): NightloadError {
  return new NightloadError(
    'LOGIN_BUSY',
    'This process was stopped for so long that another one renews the login now. This passes.',
    { retryable: true },
  );
}

/** @throws NightloadError `REFRESH_TOKEN_NOT_KEPT` */
function notKept(error: unknown): never {
  if (error instanceof NightloadError) throw error;
  throw new NightloadError(
    'REFRESH_TOKEN_NOT_KEPT',
    `The next refresh token cannot be kept (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). Make room in the folder of the ` +
      'rotated refresh tokens, or let the worker write there; do not stop this worker before, or the app must be authorized again.',
    { retryable: true },
  );
}

function noPlace(origin: string): NightloadError {
  return new NightloadError(
    'REFRESH_TOKEN_NOT_KEPT',
    `${origin} rotates refresh tokens: the one in SF_REFRESH_TOKEN was good for one login, and there is no place to keep the next. ` +
      'Set NIGHTLOAD_TOKENS to a folder that only the worker reads and that stays when it is replaced (not in NIGHTLOAD_FILE_ROOTS), ' +
      'authorize the app again, set the new SF_REFRESH_TOKEN and restart the worker; or log in by client credentials or JWT, which rotate nothing.',
    { retryable: true },
  );
}
