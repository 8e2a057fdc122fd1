import { eventually, useDtm } from '@coupon/testing';
import type { Dtm } from '@coupon/testing';
import { BranchCallError, NOT_READY } from '../../src';
import type { SagaOptions, SagaState } from '../../src';
import { useEffectsDatabase } from '../support/effects-database';
import type { Participant } from '../support/participants';
import { Gate, ScriptedBusiness, refuse } from '../support/scripted-business';

const END_MS = 30_000;
/**
 * For tests that need a repetition. A pass that takes longer, on a busy machine, is overlapped by a second one then: these tests count effects and
 * not calls. The others keep the server's ten seconds and may count both.
 */
const SOON: SagaOptions = { retryIntervalS: 1 };

export interface ParticipantProtocol {
  readonly name: string;
  start(business: ScriptedBusiness, dtm: Dtm): Promise<Participant>;
  /** Submits past the client's own care: what a second, careless submitter does. */
  submitCarelessly(dtm: Dtm, participant: Participant, gid: string, steps: number): Promise<void>;
}

/** What a participant and its client must keep to, against the real coordinator: one description for every protocol. */
export function describeSagaParticipant(protocol: ParticipantProtocol): void {
  describe(`saga participant over ${protocol.name}`, () => {
    const dtm = useDtm();
    const database = useEffectsDatabase();
    let business: ScriptedBusiness;
    let participant: Participant;
    let next = 0;

    beforeAll(async () => {
      business = new ScriptedBusiness(database);
      participant = await protocol.start(business, dtm);
    });
    afterAll(() => participant?.stop());

    // No id is the beginning of another: DTM 1.19 as released mixes their branches up on boltdb (tools/servers/README.md).
    const newGid = (): string => `${protocol.name}-${100 + next++}`;
    const run = async (gid: string, steps = 3, options: SagaOptions = {}, text = ''): Promise<SagaState> => {
      await participant.client.submit(participant.saga(gid, steps, options, text));
      return participant.client.waitForEnd(gid, { timeoutMs: END_MS });
    };
    /** Effects of each branch, in the order in which they happened: `1+ 2+ 2- 1-`. */
    const effects = async (gid: string): Promise<string> =>
      (await database.effectsOf(gid))
        .map(({ branch_id, amount }) => `${Number(branch_id)}${amount === 1 ? '+' : '-'}`)
        .join(' ');

    it('runs every step once, in order, with its payload, and undoes nothing', async () => {
      const gid = newGid();
      expect(await run(gid, 3, { waitResult: true }, 'Zürich 東京 "quoted"')).toEqual({ kind: 'succeeded' });
      expect(business.trace(gid)).toBe('a1 a2 a3');
      expect(await effects(gid)).toBe('1+ 2+ 3+');
      const texts = business.callsOf(gid).map(({ payload }) => participant.textOf(payload));
      expect(new Set(texts)).toEqual(new Set(['Zürich 東京 "quoted"']));
    });

    it('rolls back in reverse when a step refuses; the refused step itself is an empty compensation', async () => {
      const gid = newGid();
      business.plan(gid, 'a2', refuse('SOLD_OUT'));
      expect(await run(gid)).toEqual({ kind: 'failed', reason: expect.stringContaining('SOLD_OUT') as unknown });
      expect(business.trace(gid)).toBe('a1 a2 c2 c1');
      expect(await effects(gid)).toBe('1+ 1-');
    });

    it.each(['ORDER_ONGOING', 'PAYMENT_FAILURE', 'in words: ONGOING'])(
      'rolls back for a refusal whose code is %s',
      async (code) => {
        const gid = newGid();
        business.plan(gid, 'a2', refuse(code));
        expect(await run(gid)).toMatchObject({ kind: 'failed' });
        expect(await effects(gid)).toBe('1+ 1-');
      },
    );

    it('succeeds with payloads that contain the words of the protocol', async () => {
      const gid = newGid();
      expect(await run(gid, 2, {}, 'FAILURE and ONGOING')).toEqual({ kind: 'succeeded' });
      expect(business.trace(gid)).toBe('a1 a2');
    });

    it.each(['PAYMENT_FAILURE at the provider', 'the backup is ONGOING'])(
      'repeats a step that broke with the message "%s", and does it once',
      async (fault) => {
        const gid = newGid();
        business.plan(gid, 'a2', { fault });
        expect(await run(gid, 3, SOON)).toEqual({ kind: 'succeeded' });
        expect(business.order(gid)).toBe('a1 a2 a3');
        const answers = business.callsOf(gid, 'a2').map(({ answer }) => answer);
        expect(answers).toEqual(expect.arrayContaining(['fault', 'success']));
        expect(await effects(gid)).toBe('1+ 2+ 3+');
      },
    );

    it('asks again while a step is not ready, without losing what it has', async () => {
      const gid = newGid();
      business.plan(gid, 'a2', { outcome: NOT_READY }, { outcome: NOT_READY });
      expect(await run(gid, 3, SOON)).toEqual({ kind: 'succeeded' });
      expect(business.order(gid)).toBe('a1 a2 a3');
      expect(business.callsOf(gid, 'a2').length).toBeGreaterThanOrEqual(3);
      expect(await effects(gid)).toBe('1+ 2+ 3+');
    });

    it('does a step once whose reply was lost after the commit', async () => {
      const gid = newGid();
      business.plan(gid, 'a2', { faultAfterCommit: 'the connection broke' });
      business.plan(gid, 'a3', ...Array.from({ length: 9 }, () => refuse('LIMIT_REACHED')));
      business.plan(gid, 'c2', { faultAfterCommit: 'the connection broke' });
      expect(await run(gid, 3, SOON)).toMatchObject({ kind: 'failed' });
      expect(business.order(gid)).toBe('a1 a2 a3 c3 c2 c1');
      expect(business.callsOf(gid, 'a2').length).toBeGreaterThanOrEqual(2);
      expect(business.callsOf(gid, 'c2').length).toBeGreaterThanOrEqual(2);
      expect(await effects(gid)).toBe('1+ 2+ 2- 1-');
    });

    it('repeats a compensation that breaks until everything is undone', async () => {
      const gid = newGid();
      business.plan(gid, 'a2', ...Array.from({ length: 9 }, () => refuse('CONFLICT')));
      business.plan(gid, 'c1', { fault: 'FAILURE of the disk' }, { outcome: NOT_READY });
      expect(await run(gid, 3, SOON)).toMatchObject({ kind: 'failed' });
      expect(business.order(gid)).toBe('a1 a2 c2 c1');
      expect(business.callsOf(gid, 'c1').length).toBeGreaterThanOrEqual(3);
      expect(await effects(gid)).toBe('1+ 1-');
    });

    it('refuses an action that comes after its compensation, and the saga ends rolled back', async () => {
      const gid = newGid();
      const compensated = eventuallyCompensated(gid, 'c2');
      business.plan(gid, 'a2', { before: () => compensated });
      expect(await run(gid, 3, { timeoutToFailS: 2 })).toMatchObject({ kind: 'failed' });
      await eventually(() => expect(business.callsOf(gid, 'a2')).toMatchObject([{ answer: 'refused' }]));
      await stays(() => business.callsOf(gid, 'a3').length === 0);
      expect(await effects(gid)).toBe('1+ 1-');
    });

    it('lets a second call of a step wait for the first, and does it once', async () => {
      const gid = newGid();
      const second = eventually(() => business.callsOf(gid, 'a2').length === 2, { timeoutMs: END_MS });
      business.plan(gid, 'a2', { inside: () => second });
      expect(await run(gid, 3, SOON)).toEqual({ kind: 'succeeded' });
      await eventually(() =>
        expect(business.callsOf(gid, 'a2').every(({ answer }) => answer === 'success')).toBe(true),
      );
      expect(await effects(gid)).toMatch(/^1\+ 2\+ 3\+$/);
    });

    it('stops a second pass that goes on after the rollback of the first', async () => {
      const gid = newGid();
      const rolledBack = new Gate();
      business.plan(gid, 'a2', { before: () => rolledBack.opened }, refuse('SOLD_OUT'));
      const first = protocol.submitCarelessly(dtm, participant, gid, 3);
      await eventually(() => business.callsOf(gid, 'a2').length === 1);
      await protocol.submitCarelessly(dtm, participant, gid, 3);
      await eventually(async () => expect(await participant.client.query(gid)).toMatchObject({ kind: 'failed' }));
      rolledBack.open();
      await first;
      await eventually(() => expect(business.callsOf(gid, 'a2')[0]).toMatchObject({ answer: 'refused' }));
      await stays(() => business.callsOf(gid, 'a3').length === 0);
      expect(await effects(gid)).toBe('1+ 1-');
    });

    it('undoes what a second pass has done between a refusal and its rollback, when the saga is sealed', async () => {
      const gid = newGid();
      const [refusedOnce, passedOn] = [new Gate(), new Gate()];
      business.plan(gid, 'a2', { before: () => refusedOnce.opened }, refuse('SOLD_OUT'));
      business.plan(gid, 'c2', { before: () => passedOn.opened });
      const first = protocol.submitCarelessly(dtm, participant, gid, 3);
      await eventually(() => business.callsOf(gid, 'a2').length === 1);
      await protocol.submitCarelessly(dtm, participant, gid, 3);
      // The second is told to roll back, and before it does the first goes on to a step that it knows nothing of.
      await eventually(() => business.callsOf(gid, 'c2').length === 1);
      refusedOnce.open();
      await eventually(() => expect(business.callsOf(gid, 'a3')).toMatchObject([{ answer: 'success' }]));
      passedOn.open();
      await first;
      await eventually(async () => expect(await participant.client.query(gid)).toMatchObject({ kind: 'failed' }));
      expect(await effects(gid)).toBe('1+ 2+ 3+ 2- 1-');

      const saga = participant.saga(gid, 3);
      business.plan(gid, 'c3', { fault: 'the database is away' });
      await expect(participant.client.seal(saga)).rejects.toThrow(BranchCallError);
      await participant.client.seal(saga);
      expect(await effects(gid)).toBe('1+ 2+ 3+ 2- 1- 3-');
      const late = { gid, transType: 'saga', branchId: '03', op: 'action' } as const;
      expect(await business.action(late, undefined)).toMatchObject({ kind: 'refused' });
    });

    it('bars every step of a sealed saga that was never done', async () => {
      const gid = newGid();
      business.plan(gid, 'a1', refuse('ENDED'));
      await run(gid, 3);
      await participant.client.seal(participant.saga(gid, 3));
      expect(business.order(gid)).toBe('a1 c1 c3 c2');
      for (const branchId of ['01', '02', '03']) {
        const late = { gid, transType: 'saga', branchId, op: 'action' } as const;
        expect(await business.action(late, undefined)).toMatchObject({ kind: 'refused' });
      }
      expect(await effects(gid)).toBe('');
    });

    it('submits once what is submitted ten times, at once, while it runs and when it has ended', async () => {
      const gid = newGid();
      const gate = new Gate();
      business.plan(gid, 'a2', { before: () => gate.opened });
      const saga = participant.saga(gid, 2);
      const states = await Promise.all(Array.from({ length: 10 }, () => participant.client.submit(saga)));
      expect(new Set(states.map(({ kind }) => kind))).toEqual(new Set(['running']));
      await eventually(() => business.callsOf(gid, 'a2').length === 1);
      expect(await participant.client.submit(saga)).toEqual({ kind: 'running' });
      gate.open();
      await participant.client.waitForEnd(gid, { timeoutMs: END_MS });
      expect(await participant.client.submit(saga)).toEqual({ kind: 'succeeded' });
      expect(business.trace(gid)).toBe('a1 a2');
    });

    it('tells what a finished saga came to when it is submitted again', async () => {
      const gid = newGid();
      business.plan(gid, 'a1', refuse('ENDED'));
      expect(await run(gid, 1)).toMatchObject({ kind: 'failed' });
      expect(await participant.client.submit(participant.saga(gid, 1))).toMatchObject({ kind: 'failed' });
      expect(business.trace(gid)).toBe('a1 c1');
    });

    it('starts a prepared saga with its submit and not before', async () => {
      const gid = newGid();
      const saga = participant.saga(gid, 1);
      expect(await participant.client.prepare(saga)).toEqual({ kind: 'prepared' });
      expect(await participant.client.prepare(saga)).toEqual({ kind: 'prepared' });
      expect(business.trace(gid)).toBe('');
      expect(await run(gid, 1)).toEqual({ kind: 'succeeded' });
      expect(business.trace(gid)).toBe('a1');
    });

    it('runs steps side by side in the order that is asked for, and sends headers with every call', async () => {
      const gid = newGid();
      const gate = new Gate();
      business.plan(gid, 'a1', { before: () => gate.opened });
      business.plan(gid, 'a2', { before: async () => gate.open() });
      const options = {
        concurrent: { orders: { 2: [0, 1] } },
        customData: { shop: 7 },
        branchHeaders: { 'x-shop': 'b' },
      };
      expect(await run(gid, 3, options)).toEqual({ kind: 'succeeded' });
      expect(business.trace(gid)).toMatch(/^(a1 a2|a2 a1) a3$/);
      expect(participant.metadataOf(gid)).toBe('b');
    });

    it('rolls back after timeout_to_fail', async () => {
      const gid = newGid();
      business.plan(gid, 'a2', ...Array.from({ length: 20 }, () => ({ outcome: NOT_READY })));
      const state = await run(gid, 2, { ...SOON, timeoutToFailS: 2 });
      expect(state).toMatchObject({ kind: 'failed', reason: expect.stringContaining('Timeout') as unknown });
      expect(await effects(gid)).toBe('1+ 1-');
    });

    it('finishes what it was doing when the coordinator is killed with -9 and started again', async () => {
      const gid = newGid();
      const gate = new Gate();
      business.plan(gid, 'a2', { inside: () => gate.opened });
      await participant.client.submit(participant.saga(gid, 3, SOON));
      await eventually(() => business.callsOf(gid, 'a2').length === 1);
      await dtm.kill();
      await expect(participant.client.submit(participant.saga(gid, 3))).rejects.toMatchObject({
        code: 'DTM_UNAVAILABLE',
      });
      gate.open();
      await dtm.start();
      expect(await participant.client.waitForEnd(gid, { timeoutMs: END_MS })).toEqual({ kind: 'succeeded' });
      expect(await effects(gid)).toBe('1+ 2+ 3+');
    });

    const eventuallyCompensated = (gid: string, branch: string): Promise<unknown> =>
      eventually(() => business.callsOf(gid, branch).some(({ answer }) => answer === 'success'), { timeoutMs: END_MS });
  });
}

/** Looks for a while whether something that must not happen happens. The time is how long the wrong code needs, with room. */
async function stays(holds: () => boolean): Promise<void> {
  const until = performance.now() + 500;
  await eventually(() => {
    if (!holds()) throw new Error('it did happen');
    return performance.now() > until;
  });
  expect(holds()).toBe(true);
}
