import { Redis } from 'ioredis';
import { PROVISION_TIMEOUT_MS, startEarly, testServer } from './test-servers';

export interface RedisDatabase {
  /** URL with a logical database of its own, empty at the start. */
  readonly url: string;
  readonly index: number;
}

/** Kept in database 0: who uses which logical database. A lock of a killed run ends by itself. */
const LOCK_SECONDS = 3600;
const LOCK_KEY = 'coupon-testing:database';

/** Takes a free, empty logical database on the shared server. `release` empties it and gives it back. */
async function takeRedisDatabase(): Promise<RedisDatabase & { release(): Promise<void> }> {
  const endpoint = await testServer('redis');
  const client = new Redis(endpoint.url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  await client.connect();
  try {
    const index = await lockFreeDatabase(client);
    const url = new URL(endpoint.url);
    url.pathname = `/${index}`;
    return {
      url: url.toString(),
      index,
      release: async () => {
        await client.multi().select(index).flushdb().select(0).del(`${LOCK_KEY}:${index}`).exec();
        client.disconnect();
      },
    };
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

/** A logical database for the specs of the surrounding describe block. For keys that hold an activity id `uniqueActivityId` does too. */
export function useRedisDatabase(): RedisDatabase {
  startEarly('redis');
  let current: Awaited<ReturnType<typeof takeRedisDatabase>> | undefined;
  const get = (): RedisDatabase => {
    if (!current) throw new Error('the Redis database exists only while hooks and tests run');
    return current;
  };
  beforeAll(async () => {
    current = await takeRedisDatabase();
  }, PROVISION_TIMEOUT_MS);
  afterAll(async () => {
    await current?.release();
    current = undefined;
  });
  return {
    get url() {
      return get().url;
    },
    get index() {
      return get().index;
    },
  };
}

async function lockFreeDatabase(client: Redis): Promise<number> {
  const [, count] = await client.config('GET', 'databases');
  const databases = Number(count);
  for (let index = 1; index < databases; index++) {
    if ((await client.set(`${LOCK_KEY}:${index}`, String(process.pid), 'EX', LOCK_SECONDS, 'NX')) !== 'OK') continue;
    const replies = await client.multi().select(index).dbsize().select(0).exec();
    // Somebody else's data: it stays, and the lock on it keeps others from asking again.
    if (replies?.[1]?.[1] === 0) return index;
  }
  throw new Error(`all ${databases} logical databases of the test Redis are taken`);
}
