import { AppError } from '@coupon/domain';
import { ActivityStore, HalfLoadedError, OutboxStream, PIPELINE_KEY, pipelineNowMs } from '@coupon/lua';
import type { RedisConnection } from '@coupon/lua';
import { classifyMysqlError, readConservation } from '@coupon/persistence';
import type { ConservationSources, PipelineObservation, PrismaClient } from '@coupon/persistence';
import { z } from 'zod';
import type { ReadReconciliation } from '../use-cases/ports';

export interface ReconciliationDeps {
  readonly prisma: PrismaClient;
  readonly redis: RedisConnection['client'];
  readonly sleep: (ms: number) => Promise<void>;
}

/** What a worker writes about the queue. */
const observationSchema = z.object({ at_ms: z.number(), queue_ready: z.number(), unacked: z.number() });

/** The conservation report over Redis, the workers' observations and MySQL. */
export function reconciliationReader(deps: ReconciliationDeps): ReadReconciliation {
  const { prisma, redis, sleep } = deps;
  const store = new ActivityStore(redis);
  const outbox = new OutboxStream(redis);
  const sources: ConservationSources = {
    snapshot: (id) => store.snapshot(id).catch(unreadable),
    outboxSequences: (id) => outbox.sequences(id).catch(unreadable),
    pipeline: async () => parsePipeline(await redis.hgetall(PIPELINE_KEY).catch(unreadable)),
    nowMs: () => pipelineNowMs(redis).catch(unreadable),
    sleep,
  };
  return async (id) => {
    try {
      return await readConservation(prisma, sources, id);
    } catch (error) {
      if (classifyMysqlError(error).kind === 'unknown') throw error;
      throw new AppError('NOT_READY', 'the database cannot be read at the moment', { cause: error });
    }
  };
}

function unreadable(error: unknown): never {
  const why = error instanceof HalfLoadedError ? error.message : 'Redis cannot be read at the moment';
  throw new AppError('NOT_READY', why, { cause: error });
}

/** A field that cannot be read counts as not being there: the queue is then unknown, which is the safe side. */
export function parsePipeline(fields: Readonly<Record<string, string>>): PipelineObservation[] {
  return Object.entries(fields).flatMap(([instance, text]) => {
    const seen = observationSchema.safeParse(parseJson(text));
    if (!seen.success) return [];
    return [{ instance, atMs: seen.data.at_ms, queueReady: seen.data.queue_ready, unacked: seen.data.unacked }];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
