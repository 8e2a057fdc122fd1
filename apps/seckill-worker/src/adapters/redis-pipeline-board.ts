import { PIPELINE_KEY, pipelineNowMs } from '@coupon/lua';
import type { ClaimRedis } from '@coupon/lua';
import type { PipelineBoard, PipelineObservation } from '../use-cases/observe-pipeline.use-case';

/** One hash in the claim Redis: instance -> observation as JSON. */
export class RedisPipelineBoard implements PipelineBoard {
  constructor(private readonly redis: ClaimRedis) {}

  nowMs(): Promise<number> {
    return pipelineNowMs(this.redis);
  }

  async write(instance: string, observation: PipelineObservation): Promise<void> {
    await this.redis.hset(PIPELINE_KEY, instance, JSON.stringify(observation));
  }

  async read(): Promise<ReadonlyMap<string, PipelineObservation>> {
    const seen = new Map<string, PipelineObservation>();
    for (const [instance, text] of Object.entries(await this.redis.hgetall(PIPELINE_KEY))) {
      seen.set(instance, parse(text));
    }
    return seen;
  }

  async remove(instances: readonly string[]): Promise<void> {
    await this.redis.hdel(PIPELINE_KEY, ...instances);
  }
}

/** What cannot be read is as good as an observation from long ago. */
function parse(text: string): PipelineObservation {
  try {
    const value = JSON.parse(text) as Partial<PipelineObservation>;
    return {
      at_ms: value.at_ms ?? 0,
      queue_ready: value.queue_ready ?? 0,
      unacked: value.unacked ?? 0,
      relaying: value.relaying ?? 0,
    };
  } catch {
    return { at_ms: 0, queue_ready: 0, unacked: 0, relaying: 0 };
  }
}
