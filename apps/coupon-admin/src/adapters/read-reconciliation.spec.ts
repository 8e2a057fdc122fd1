import { parsePipeline } from './read-reconciliation';

it('reads what workers write and skips what it cannot read', () => {
  expect(
    parsePipeline({
      'w-1': '{"at_ms":5,"queue_ready":1,"unacked":2,"more":3}',
      'w-2': 'not JSON',
      'w-3': '{"at_ms":"5"}',
    }),
  ).toEqual([{ instance: 'w-1', atMs: 5, queueReady: 1, unacked: 2 }]);
});
