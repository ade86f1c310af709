/**
 * Logins by refresh token. If the org rotates refresh tokens, each is valid for one login and the reply contains the
 * next one: it is saved to disk before its access token is used, and shared by all workers of the folder.
 */
import { defined } from '../../domain/defined.js';
import { NightloadError } from '../../errors.js';
import { StoredTokens, openTokenFolder } from './token-store.js';
import type { StoredToken, PreparedToken } from './token-store.js';
import type { HeldLock, LockTimes } from './renewal-lock.js';
import type { Secret } from '../../runtime/secret.js';
import type { AccessToken } from './token-source.js';

/** The login server's reply. */
export interface TokenReply {
  /** Or why it cannot be used; the refresh token next to it is valid either way. */
  token: AccessToken | NightloadError;
  /** The next one; absent if the org does not rotate them. */
  refreshToken: string | undefined;
}

export interface RefreshSettings {
  origin: string;
  clientId: string;
  /** From the settings; read for each login. */
  refreshToken: Secret;
  /** Folder for rotated tokens. Without it, the org must not rotate them. */
  tokensFolder?: string | undefined;
  lockTimes?: Partial<LockTimes> | undefined;
}

/** After these errors, the login server may have processed the request. */
const WITHOUT_ANSWER: readonly string[] = ['LOGIN_UNREACHABLE', 'AUTH_UNEXPECTED_REPLY', 'INSTANCE_URL_REFUSED'];

/** Sends the request to the login server. */
export type AskByRefreshToken = (refreshToken: string) => Promise<TokenReply>;

/** A token that was received but is not on disk yet; the lock is held until it is. */
interface Unkept {
  kept: StoredTokens;
  lock: HeldLock;
  token: StoredToken;
}

export class RefreshLogin {
  readonly #settings: RefreshSettings;
  #unkept: Unkept | undefined;
  /** The configured token whose successor could not be saved. */
  #spent: string | undefined;
  /** A reply was lost: it may have contained the next token. */
  #answerLost = false;

  /** @throws NightloadError `TOKENS_FOLDER_UNUSABLE` */
  constructor(settings: RefreshSettings) {
    this.#settings = settings;
    if (settings.tokensFolder !== undefined) openTokenFolder(settings.tokensFolder);
  }

  /** @param stale the access token that the org refused, if any */
  async login(ask: AskByRefreshToken, stale: string | undefined): Promise<AccessToken> {
    const { origin, clientId, tokensFolder, lockTimes } = this.#settings;
    const refreshToken = this.#settings.refreshToken.reveal();
    if (tokensFolder === undefined) return this.#withoutPlace(refreshToken, ask);
    if (this.#unkept !== undefined) {
      const token = await this.#keepAtLast(this.#unkept);
      if (token !== undefined) return token;
    }
    const kept = new StoredTokens(tokensFolder, { origin, clientId, refreshToken }, lockTimes);
    const lock = await kept.lock();
    try {
      return await this.#renew({ kept, lock, configured: refreshToken }, ask, stale);
    } finally {
      if (this.#unkept === undefined) await lock.release();
    }
  }

  async #renew(
    { kept, lock, configured }: { kept: StoredTokens; lock: HeldLock; configured: string },
    ask: AskByRefreshToken,
    stale: string | undefined,
  ): Promise<AccessToken> {
    const known = await kept.read();
    // Another worker has renewed it already.
    if (known?.access !== undefined && known.access.accessToken !== stale) return shared(known.access);
    const used = known?.refreshToken ?? configured;
    const prepared = await kept.prepare().catch(notKept);
    let reply: TokenReply;
    try {
      if (!(await lock.isHeld())) throw passedOver();
      reply = await ask(used);
    } catch (error) {
      await prepared.drop();
      // Read again: a process outside of the lock may have renewed it meanwhile.
      const newer = isRefused(error) ? await kept.read() : undefined;
      if (newer?.access !== undefined && newer.refreshToken !== used) return shared(newer.access);
      throw this.#explained(error, lock);
    }
    this.#answerLost = false;
    const { token } = reply;
    const next = reply.refreshToken ?? used;
    // The org has never rotated the token, so there is nothing to save.
    if (next === configured && known === undefined) {
      await prepared.drop();
      return tokenOf(reply);
    }
    const access = token instanceof NightloadError ? undefined : token;
    await this.#keep({ kept, lock, token: { refreshToken: next, ...defined({ access }) } }, prepared);
    return shared(tokenOf(reply));
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

  /** The login server is not asked again: only this process has the token. */
  async #keepAtLast(unkept: Unkept): Promise<AccessToken | undefined> {
    await this.#keep(unkept, await unkept.kept.prepare().catch(notKept));
    await unkept.lock.release();
    return unkept.token.access && shared(unkept.token.access);
  }

  async #withoutPlace(refreshToken: string, ask: AskByRefreshToken): Promise<AccessToken> {
    if (this.#spent === refreshToken) throw noPlace(this.#settings.origin);
    const reply = await ask(refreshToken);
    if (reply.refreshToken === undefined || reply.refreshToken === refreshToken) return tokenOf(reply);
    this.#spent = refreshToken;
    throw noPlace(this.#settings.origin);
  }

  /** Explains a refusal after a lost reply, whose cause is not obvious. */
  #explained(error: unknown, lock: HeldLock): unknown {
    if (!isRefused(error)) {
      this.#answerLost ||= error instanceof NightloadError && WITHOUT_ANSWER.includes(error.code);
      return error;
    }
    if (!this.#answerLost && !lock.inherited) return error;
    const { code, message, retryable } = error;
    const why =
      ' An earlier renewal got no answer (a process was killed, or the network failed): if the org rotates refresh tokens, ' +
      'the next one was in it.';
    return new NightloadError(code, message + why, { retryable, cause: error });
  }
}

/** @throws NightloadError if the token cannot be used */
export function tokenOf({ token }: TokenReply): AccessToken {
  if (token instanceof NightloadError) throw token;
  return token;
}

function shared({ accessToken, instanceUrl }: AccessToken): AccessToken {
  return { accessToken, instanceUrl, shared: true };
}

function isRefused(error: unknown): error is NightloadError {
  return error instanceof NightloadError && error.code === 'AUTH_INVALID_GRANT';
}

function passedOver(): NightloadError {
  return new NightloadError(
    'LOGIN_BUSY',
    'This process was suspended for so long that another one now renews the login. This is temporary.',
    { retryable: true },
  );
}

/** @throws NightloadError `REFRESH_TOKEN_NOT_KEPT` */
function notKept(error: unknown): never {
  if (error instanceof NightloadError) throw error;
  throw new NightloadError(
    'REFRESH_TOKEN_NOT_KEPT',
    `Cannot store the next refresh token (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). Free space in the folder of the ` +
      'rotated refresh tokens, or let the worker write there; if this worker stops first, the app must be authorized again.',
    { retryable: true },
  );
}

function noPlace(origin: string): NightloadError {
  return new NightloadError(
    'REFRESH_TOKEN_NOT_KEPT',
    `${origin} rotates refresh tokens: the one in SF_REFRESH_TOKEN was valid for one login, and there is no place to store the next. ` +
      'Set NIGHTLOAD_TOKENS to a persistent folder that only the worker can read (not in NIGHTLOAD_FILE_ROOTS), ' +
      'authorize the app again, set the new SF_REFRESH_TOKEN and restart the worker; or log in with client credentials or JWT, which rotate nothing.',
    { retryable: true },
  );
}
