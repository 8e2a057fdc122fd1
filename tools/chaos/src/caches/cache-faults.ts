import { Redis } from 'ioredis';
import type { AppInstance } from '@coupon/platform';
import type { SeededRandom } from '@coupon/testing';
import type { CacheStage } from './cache-stage';

/** Something that goes wrong for a while; when `strike` resolves everything is there again. */
export interface CacheFault {
  readonly name: string;
  /** What it happens to: two faults of one target never strike together. */
  readonly target: 'worker' | 'rabbitmq' | 'redis' | 'mysql' | 'reader';
  /** One of those without which a run proves nothing. */
  readonly isRestart?: boolean;
  readonly strike: (stage: CacheStage, random: SeededRandom) => Promise<void>;
}

const LONGEST_AWAY_MS = 3_000;
/** Longer than RabbitMQ keeps a connection of which it hears nothing. */
const GIVEN_UP_MS = 26_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function awayFor(server: { kill(): Promise<void>; start(): Promise<void> }, random: SeededRandom): Promise<void> {
  await server.kill();
  await sleep(random.int(0, LONGEST_AWAY_MS));
  await server.start();
}

async function silentFor(
  server: { pause(): Promise<void>; resume(): Promise<void> },
  random: SeededRandom,
): Promise<void> {
  await server.pause();
  try {
    await sleep(random.int(100, LONGEST_AWAY_MS));
  } finally {
    await server.resume();
  }
}

/** Longer than its lease as a rule: another one takes over, and this one must find that out before it says anything. */
async function standstill({ pid, name }: AppInstance, ms: number): Promise<void> {
  if (pid === undefined) throw new Error(`${name} is not running`);
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
}

async function emptied(stage: CacheStage): Promise<void> {
  const redis = new Redis(stage.redisUrl, { lazyConnect: true });
  redis.on('error', () => undefined); // the command reports it
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

/** @param long also those that take half a minute */
export function cacheFaults(long: boolean): CacheFault[] {
  return long ? [...shortFaults(), ...longFaults()] : shortFaults();
}

/** Another worker gets the changes that this one has been given and did not settle; until then nobody drops L2. */
function longFaults(): CacheFault[] {
  return [
    {
      name: 'worker stands still until the broker gives it up',
      target: 'worker',
      strike: (stage, random) => standstill(random.pick(stage.workers), GIVEN_UP_MS),
    },
  ];
}

function shortFaults(): CacheFault[] {
  return [
    {
      name: 'worker killed',
      target: 'worker',
      isRestart: true,
      strike: (stage, random) => awayFor(random.pick(stage.workers), random),
    },
    {
      name: 'all workers killed',
      target: 'worker',
      isRestart: true,
      strike: async (stage, random) => {
        await Promise.all(stage.workers.map((worker) => awayFor(worker, random)));
      },
    },
    {
      name: 'RabbitMQ killed',
      target: 'rabbitmq',
      isRestart: true,
      strike: (stage, random) => awayFor(stage.servers.rabbitmq, random),
    },
    {
      name: 'Redis killed',
      target: 'redis',
      isRestart: true,
      strike: (stage, random) => awayFor(stage.servers.redis, random),
    },
    {
      name: 'MySQL killed',
      target: 'mysql',
      isRestart: true,
      strike: (stage, random) => awayFor(stage.servers.mysql, random),
    },
    {
      name: 'worker stands still',
      target: 'worker',
      strike: (stage, random) => standstill(random.pick(stage.workers), random.int(100, LONGEST_AWAY_MS)),
    },
    {
      name: 'RabbitMQ silent',
      target: 'rabbitmq',
      strike: (stage, random) => silentFor(stage.servers.rabbitmq, random),
    },
    { name: 'Redis silent', target: 'redis', strike: (stage, random) => silentFor(stage.servers.redis, random) },
    { name: 'Redis emptied', target: 'redis', strike: emptied },
    { name: 'MySQL silent', target: 'mysql', strike: (stage, random) => silentFor(stage.servers.mysql, random) },
    { name: 'binlog rotated', target: 'mysql', strike: (stage) => stage.query('FLUSH BINARY LOGS') },
    {
      name: 'reader stands still',
      target: 'reader',
      strike: (stage, random) => random.pick(stage.readers).pauseFor(random.int(50, LONGEST_AWAY_MS)),
    },
    {
      name: 'bus of a reader silent, then cut',
      target: 'reader',
      strike: async (stage, random) => {
        const { bus } = random.pick(stage.readers);
        bus.setMode('half-open');
        await sleep(random.int(100, LONGEST_AWAY_MS));
        bus.setMode('pass');
        bus.cut();
      },
    },
    {
      name: 'loads of a reader slow',
      target: 'reader',
      strike: async (stage, random) => {
        const { mysql } = random.pick(stage.readers);
        mysql.setDelay(() => random.int(20, 400));
        await sleep(random.int(500, LONGEST_AWAY_MS));
        mysql.setDelay(() => 0);
      },
    },
  ];
}
