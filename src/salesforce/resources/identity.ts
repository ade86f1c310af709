/** Who a token belongs to, as the list of an org's resources tells it. */
import { asObject, asText } from './json.js';

export interface Identity {
  organizationId: string;
  userId: string;
}

/** @returns undefined if the reply does not name both */
export function parseIdentity(value: unknown): Identity | undefined {
  const identity = asText(asObject(value)?.['identity']) ?? '';
  // `https://login.salesforce.com/id/00D…/005…`
  const [where, organizationId = '', userId = ''] = identity.split('/').slice(-3);
  const isWho =
    where === 'id' && /^00D[A-Za-z0-9]{12,15}$/.test(organizationId) && /^005[A-Za-z0-9]{12,15}$/.test(userId);
  return isWho ? { organizationId, userId } : undefined;
}
