import { AmqpConnection, RabbitMqPublisher, RabbitMqQueueInspector, deadLetterQueueOf } from '@coupon/messaging';
import { createPrisma } from '@coupon/persistence';
import { ConfigError, createLogger, env, loadConfig, systemClock } from '@coupon/service-kit';
import type { Environment } from '@coupon/service-kit';
import { z } from 'zod';
import { MysqlDeadLetterIndex } from './adapters/mysql-dead-letter-index';
import { CLAIMS_QUEUE, EVENTS_EXCHANGE, claimTopology } from './claim-queue';
import type { StoredDeadLetter } from './use-cases/dead-letters';
import { ReplayDeadLetters } from './use-cases/replay-dead-letters.use-case';

const USAGE = `usage:
  dlq list [--all] [--limit N]      parked messages, newest first; --all also shows those already replayed
  dlq show --event ID               one message with its body
  dlq replay --event ID | --all     moves messages back to the work queue
`;

const schema = z.object({
  MYSQL_URL: env.url(['mysql:', 'mariadb:']),
  AMQP_URL: env.url(['amqp:', 'amqps:']),
});

export type DeadLetterCommand =
  | { readonly kind: 'list'; readonly includeReplayed: boolean; readonly limit: number }
  | { readonly kind: 'show'; readonly eventId: string }
  | { readonly kind: 'replay'; readonly wanted: { readonly eventId: string } | 'all' };

/** The part of `process` that is needed here. */
export interface CommandProcess {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

/** @returns undefined when the words make no command. */
export function parseDeadLetterCommand(words: readonly string[]): DeadLetterCommand | undefined {
  const [verb, ...rest] = words;
  const all = rest.includes('--all');
  const eventId = valueOf(rest, '--event');
  switch (verb) {
    case 'list': {
      const limit = Number(valueOf(rest, '--limit') ?? 100);
      return Number.isInteger(limit) && limit > 0 ? { kind: 'list', includeReplayed: all, limit } : undefined;
    }
    case 'show':
      return eventId === undefined ? undefined : { kind: 'show', eventId };
    case 'replay':
      if (all === (eventId !== undefined)) return undefined;
      return { kind: 'replay', wanted: eventId === undefined ? 'all' : { eventId } };
    default:
      return undefined;
  }
}

/** `node main.js dlq …`: exit code 0 when done, 1 when something failed, 2 when the words make no sense. */
export async function runDeadLetterCommand(
  words: readonly string[],
  environment: Environment,
  target: CommandProcess,
): Promise<void> {
  const command = parseDeadLetterCommand(words);
  if (command === undefined) {
    target.stderr.write(USAGE);
    target.exitCode = 2;
    return;
  }
  try {
    const config = loadConfig(schema, environment);
    const logger = createLogger({ name: 'seckill-worker', level: 'silent' });
    const prisma = createPrisma(config.MYSQL_URL, { poolSize: 2, poolIdle: 1 });
    const connection = new AmqpConnection({ url: config.AMQP_URL, name: 'seckill-worker dlq', logger });
    try {
      target.stdout.write(await execute(command, new MysqlDeadLetterIndex(prisma), connection));
    } finally {
      await connection.close();
      await prisma.$disconnect();
    }
  } catch (error) {
    const message = error instanceof ConfigError || error instanceof Error ? error.message : String(error);
    target.stderr.write(`${message}\n`);
    target.exitCode = 1;
  }
}

async function execute(
  command: DeadLetterCommand,
  index: MysqlDeadLetterIndex,
  connection: AmqpConnection,
): Promise<string> {
  const logger = createLogger({ name: 'seckill-worker', level: 'silent' });
  const inspector = new RabbitMqQueueInspector({ connection });
  switch (command.kind) {
    case 'list': {
      const entries = await index.list(command);
      const queued = (await inspector.ready(deadLetterQueueOf(CLAIMS_QUEUE))) ?? 0;
      return `${entries.map(lineOf).join('')}${queued} in the queue, ${entries.length} listed\n`;
    }
    case 'show': {
      const entry = await index.find(command.eventId);
      if (entry === null) throw new Error(`no dead letter with event id ${command.eventId}`);
      return `${lineOf(entry)}${entry.reason}\n${entry.body}\n`;
    }
    case 'replay': {
      const publisher = new RabbitMqPublisher({
        connection,
        logger,
        exchange: EVENTS_EXCHANGE,
        topology: claimTopology(),
      });
      await publisher.start();
      try {
        const replay = new ReplayDeadLetters({ inspector, publisher, index, clock: systemClock, queue: CLAIMS_QUEUE });
        const moved = await replay.execute(command.wanted);
        if (command.wanted !== 'all' && moved.length === 0) {
          throw new Error(`event ${command.wanted.eventId} is not in the dead-letter queue`);
        }
        return `${moved.map((id) => `${id}\n`).join('')}${moved.length} moved to ${CLAIMS_QUEUE}\n`;
      } finally {
        await publisher.close();
      }
    }
  }
}

function lineOf(entry: StoredDeadLetter): string {
  const replayed = entry.replayedAt === null ? '' : `\treplayed ${entry.replayedAt.toISOString()}`;
  return `${entry.parkedAt.toISOString()}\t${entry.eventId}\t${entry.reasonCode}\t${entry.claimId ?? '-'}${replayed}\n`;
}

function valueOf(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  const value = at < 0 ? undefined : words[at + 1];
  return value === undefined || value.startsWith('--') ? undefined : value;
}
