import { ANSWER_BYTES, CLAIM_ID_BYTES } from '../load/load-plan';
import type { LoadPlan, LoadResult } from '../load/load-plan';

/** What the buyers of one activity were told. */
export interface ToldActivity {
  /** User id -> claim ids of the wins told to this user. */
  readonly wins: Map<string, string[]>;
  /** User id -> claim ids told again. */
  readonly replays: Map<string, Set<string>>;
  accepted: number;
  replayed: number;
  /** Refusal code -> answers with it. */
  readonly refused: Map<string, number>;
}

/** Everything the clients of one run were told, by activity and user, for the comparison with Redis. */
export class Told {
  readonly activities = new Map<string, ToldActivity>();

  constructor(activities: readonly string[]) {
    for (const id of activities) {
      this.activities.set(id, { wins: new Map(), replays: new Map(), accepted: 0, replayed: 0, refused: new Map() });
    }
  }

  /** @param answers the answers file of the run. @throws Error when a request has no answer: nobody knows then what Redis must hold. */
  add(plan: Pick<LoadPlan, 'activities' | 'users' | 'firstUser'>, result: LoadResult, answers: Buffer): void {
    if (answers.length !== result.sent * ANSWER_BYTES)
      throw new Error('the answers file has not one entry per request');
    for (let n = 0; n < result.sent; n += 1) {
      const name = result.classes[answers[n * ANSWER_BYTES] ?? 0];
      const id = plan.activities[Math.min(plan.activities.length - 1, Math.floor(n / plan.users))] ?? '';
      const activity = this.activities.get(id);
      if (activity === undefined) throw new Error(`activity ${id} does not belong to this run`);
      if (name === undefined || name === 'no answer') throw new Error(`request ${n} has no answer`);
      const user = String(plan.firstUser + (n % plan.users));
      if (name === 'OK' || name === 'REPLAYED') {
        const from = n * ANSWER_BYTES + 1;
        addWin(activity, user, answers.toString('latin1', from, from + CLAIM_ID_BYTES), name === 'REPLAYED');
      } else {
        const code = name.replace(/^\d+ /, '');
        activity.refused.set(code, (activity.refused.get(code) ?? 0) + 1);
      }
    }
  }
}

function addWin(activity: ToldActivity, user: string, claimId: string, replayed: boolean): void {
  if (replayed) {
    activity.replayed += 1;
    const told = activity.replays.get(user);
    if (told === undefined) activity.replays.set(user, new Set([claimId]));
    else told.add(claimId);
    return;
  }
  activity.accepted += 1;
  const wins = activity.wins.get(user);
  if (wins === undefined) activity.wins.set(user, [claimId]);
  else wins.push(claimId);
}
