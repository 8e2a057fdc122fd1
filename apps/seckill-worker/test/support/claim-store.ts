import { pino } from 'pino';
import { MysqlClaimStore } from '../../src/adapters/mysql-claim-store';
import type { ClaimStore } from '../../src/use-cases/claim-store';
import type { IncomingEvent } from '../../src/use-cases/incoming-event';
import { StoreClaims } from '../../src/use-cases/store-claims.use-case';
import type { StoreOutcome } from '../../src/use-cases/store-claims.use-case';
import type { WorkerDatabase } from './database';
import { newClaimId } from './events';
import type { Place } from './events';

export const logger = pino({ level: 'silent' });

/** Short words for storing events and for what lies in the dead-letter queue. */
export interface ClaimStoreFixture {
  newStore(): MysqlClaimStore;
  storeEvents(events: readonly IncomingEvent[], store?: ClaimStore, signal?: AbortSignal): Promise<StoreOutcome[]>;
  park(place: Place, seq: number): Promise<void>;
}

export function claimStoreOn(db: WorkerDatabase): ClaimStoreFixture {
  const newStore = (): MysqlClaimStore => new MysqlClaimStore(db.prisma);
  return {
    newStore,
    storeEvents: (events, store = newStore(), signal = new AbortController().signal) =>
      new StoreClaims({ store, attemptDelayMs: 1 }).execute(events, { logger, random: Math.random, signal }),
    park: async (place, seq) => {
      await db.database.query(
        `INSERT INTO dead_letters (event_id, queue, activity_id, event_seq, claim_id, reason_code, reason, body)
         VALUES (?, 'q', ?, ?, ?, 'X', 'x', '{}')`,
        [`${place.activityId}-1-${seq}`, place.activityId, seq, newClaimId()],
      );
    },
  };
}

/** Outcomes by kind; an event that was there already is `again`. */
export const kinds = (outcomes: readonly StoreOutcome[]): string[] =>
  outcomes.map((outcome) => (outcome.kind === 'stored' && outcome.again ? 'again' : outcome.kind));
