import { PIPELINE_KEY } from './keys';
import type { ClaimRedis } from './run-script';

/** Epoch milliseconds by the server that keeps the observations: one clock for whoever writes them and whoever judges their age. */
export async function pipelineNowMs(redis: ClaimRedis): Promise<number> {
  const [seconds, micros] =
    'nodes' in redis
      ? ((await redis.eval("return redis.call('TIME')", 1, PIPELINE_KEY)) as [string, string])
      : await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
