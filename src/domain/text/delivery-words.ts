/** What people read about a message that was not delivered at once. Pure. */
import type { DeliveryNote } from '../../contract/notification.js';

export function deliveryWords({ state, at, until }: Pick<DeliveryNote, 'state' | 'at' | 'until'>): string {
  switch (state) {
    case 'retrying':
      return `not delivered yet${until === undefined ? '' : `, retried until ${minute(until)}`}`;
    case 'givenUp':
      return `given up ${minute(at)}`;
    case 'unconfirmed':
      return 'may have arrived';
    case 'deliveredLate':
      return `delivered late, ${minute(at)}`;
  }
}

/** Its target needs no attention any more. */
export function isDelivered({ state }: Pick<DeliveryNote, 'state'>): boolean {
  return state === 'deliveredLate';
}

/** `2026-11-30 02:28 UTC` */
export function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
