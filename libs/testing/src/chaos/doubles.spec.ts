import { seededRandom } from '../random';
import { alwaysThrow, delay, dropReply } from './doubles';

class Store {
  readonly written: string[] = [];
  async write(value: string): Promise<number> {
    return this.written.push(value);
  }
  async read(): Promise<readonly string[]> {
    return this.written;
  }
}

const lost = new Error('connection lost');

describe('chaos doubles', () => {
  it('alwaysThrow rejects without doing anything; other methods work', async () => {
    const store = new Store();
    const broken = alwaysThrow(store, 'write', lost);
    await expect(broken.write('a')).rejects.toBe(lost);
    expect(await broken.read()).toEqual([]);
  });

  it('dropReply does the work and hides the answer', async () => {
    const store = new Store();
    await expect(dropReply(store, 'write', lost).write('a')).rejects.toBe(lost);
    expect(store.written).toEqual(['a']);
  });

  it('dropReply hides only the chosen answers', async () => {
    const store = new Store();
    const flaky = dropReply(store, 'write', lost, (call) => call === 2);
    expect(await flaky.write('a')).toBe(1);
    await expect(flaky.write('b')).rejects.toBe(lost);
    expect(await flaky.write('c')).toBe(3);
  });

  it('delay calls after a pause from the given range', async () => {
    const store = new Store();
    const slow = delay(store, 'write', { minMs: 15, maxMs: 20, random: seededRandom(1) });
    const started = performance.now();
    expect(await slow.write('a')).toBe(1);
    expect(performance.now() - started).toBeGreaterThan(13);
  });
});
