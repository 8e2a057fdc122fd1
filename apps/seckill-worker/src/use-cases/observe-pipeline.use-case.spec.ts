import { pino } from 'pino';
import { ObservePipeline } from './observe-pipeline.use-case';
import type { PipelineObservation } from './observe-pipeline.use-case';

describe('ObservePipeline', () => {
  it('counts a message twice rather than overlook it, and forgets workers that fell silent long ago', async () => {
    const written = new Map<string, PipelineObservation>([
      ['old', { at_ms: 1_000, queue_ready: 5, unacked: 5, relaying: 0 }],
      ['other', { at_ms: 190_000, queue_ready: 0, unacked: 1, relaying: 0 }],
    ]);
    let held = 3;
    const observe = new ObservePipeline({
      board: {
        nowMs: async () => {
          // Whatever is seen is seen after that.
          expect(held).toBe(3);
          return 200_000;
        },
        write: async (instance, observation) => void written.set(instance, observation),
        read: async () => written,
        remove: async (instances) => instances.forEach((instance) => written.delete(instance)),
      },
      instance: 'me',
      logger: pino({ level: 'silent' }),
      queueReady: async () => {
        held = 1;
        return 7;
      },
      unacked: () => held,
      relaying: () => 2,
    });
    await observe.execute();
    expect(written.get('me')).toEqual({ at_ms: 200_000, queue_ready: 7, unacked: 3, relaying: 2 });
    expect([...written.keys()].sort()).toEqual(['me', 'other']);
  });
});
