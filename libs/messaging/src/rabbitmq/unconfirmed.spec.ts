import type { PublishResult } from '../ports';
import { Unconfirmed } from './unconfirmed';

describe('Unconfirmed', () => {
  it('counts a returned message as a failure although the broker acknowledges it afterwards', () => {
    const unconfirmed = new Unconfirmed();
    const results: PublishResult[] = [];
    const ack = unconfirmed.add('a', (result) => results.push(result));
    unconfirmed.markReturned('a', 'NO_ROUTE');
    ack(null);
    expect(results).toEqual([{ kind: 'returned', reason: 'NO_ROUTE' }]);
  });

  it('settles a message once: a verdict after the channel was given up changes nothing', () => {
    const unconfirmed = new Unconfirmed();
    const results: PublishResult[] = [];
    const ack = unconfirmed.add('a', (result) => results.push(result));
    unconfirmed.abandonAll(new Error('gone'));
    ack(null);
    expect(results).toMatchObject([{ kind: 'failed', ambiguous: true }]);
    expect(unconfirmed.size).toBe(0);
    expect(unconfirmed.settled).toBe(1);
  });

  it('tells a refusal from a loss', () => {
    const unconfirmed = new Unconfirmed();
    const results: PublishResult[] = [];
    unconfirmed.add('a', (result) => results.push(result))(new Error('message nacked'));
    expect(results).toMatchObject([{ kind: 'failed', ambiguous: false }]);
  });

  it('keeps two sendings of one id apart', () => {
    const unconfirmed = new Unconfirmed();
    const results: string[] = [];
    const first = unconfirmed.add('a', ({ kind }) => results.push(kind));
    const second = unconfirmed.add('a', ({ kind }) => results.push(kind));
    unconfirmed.markReturned('a', 'NO_ROUTE');
    unconfirmed.markReturned('unknown', 'NO_ROUTE');
    first(null);
    second(null);
    expect(results.sort()).toEqual(['confirmed', 'returned']);
  });
});
