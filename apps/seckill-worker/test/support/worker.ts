import { pino } from 'pino';
import { createWorker } from '../../src/create-worker';
import type { Worker } from '../../src/create-worker';
import { loadWorkerConfig } from '../../src/config';

export interface WorkerAddresses {
  readonly mysqlUrl: string;
  readonly redisUrl: string;
  readonly amqpUrl: string;
}

/** A worker in this process, with small batches and short intervals. */
export async function startWorker(at: WorkerAddresses, environment: Record<string, string> = {}): Promise<Worker> {
  const config = loadWorkerConfig({
    NODE_ENV: 'test',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    MYSQL_URL: at.mysqlUrl,
    CLAIM_REDIS_URL: at.redisUrl,
    AMQP_URL: at.amqpUrl,
    INSTANCE_ID: `w-${Math.random().toString(36).slice(2, 10)}`,
    // Servers of the tests need not survive a power cut; that the setting is checked has a test of its own.
    DURABILITY_MODE: 'memory',
    CONSUMER_BATCH_SIZE: '200',
    CONSUMER_PREFETCH: '600',
    RECONCILE_INTERVAL_MS: '300',
    SHUTDOWN_DEADLINE_MS: '5000',
    ...environment,
  });
  const worker = createWorker(config, pino({ level: process.env['WORKER_TEST_LOG'] ?? 'silent' }));
  await worker.lifecycle.start();
  return worker;
}

export async function stopAll(workers: Worker[]): Promise<void> {
  await Promise.all(workers.splice(0).map(({ lifecycle }) => lifecycle.stop('end of the test')));
}

/** Value of a metric as the worker shows it; 0 while it has none. */
export async function metric(worker: Worker, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${worker.http.port}/metrics`);
  const line = (await response.text())
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}
