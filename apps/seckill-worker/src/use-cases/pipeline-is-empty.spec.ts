import { pipelineIsEmpty } from './observe-pipeline.use-case';
import type { PipelineObservation } from './observe-pipeline.use-case';

const NOW = 1_800_000_000_000;
const SINCE = NOW - 1_000;

const saw = (change: Partial<PipelineObservation> = {}): PipelineObservation => ({
  at_ms: NOW - 500,
  queue_ready: 0,
  unacked: 0,
  relaying: 0,
  ...change,
});
const empty = (...observations: PipelineObservation[]): boolean =>
  pipelineIsEmpty(new Map(observations.map((one, index) => [`w-${index}`, one])), SINCE, NOW);

describe('invariant 9: pipelineIsEmpty', () => {
  it('is true when every living worker has looked again and found nothing', () => {
    expect(empty(saw())).toBe(true);
    expect(empty(saw(), saw())).toBe(true);
  });

  it('forgets a worker that has been silent for long, whatever it held', () => {
    expect(empty(saw(), saw({ at_ms: NOW - 16_000, unacked: 3, relaying: 1 }))).toBe(true);
  });

  it.each<[string, PipelineObservation[]]>([
    ['nobody looks', []],
    ['nobody has looked since', [saw({ at_ms: SINCE - 1 })]],
    ['one of two has not looked since', [saw(), saw({ at_ms: SINCE - 1 })]],
    ['the last look is old', [saw({ at_ms: NOW - 6_000 })]],
    ['something is in the queue', [saw({ queue_ready: 1 })]],
    ['a consumer holds something', [saw(), saw({ unacked: 1 })]],
    ['a relay holds something', [saw({ relaying: 1 })]],
    ['a worker fell silent with deliveries in hand', [saw(), saw({ at_ms: NOW - 14_000, unacked: 1 })]],
    ['a worker fell silent with outbox entries in hand', [saw(), saw({ at_ms: NOW - 14_000, relaying: 1 })]],
  ])('is false while %s', (_, observations) => {
    expect(empty(...observations)).toBe(false);
  });
});
