import { join } from 'node:path';
import { Supervisor, startServers } from '@coupon/servers';
import type { RunningServers } from '@coupon/servers';
import { labelled } from '../cli/screen';
import { AppInstance, lastLines } from './app-instance';
import { planApps } from './app-plan';
import { createAuth } from './auth';
import type { PlatformAuth } from './auth';
import { borrowServers } from './borrowed-servers';
import { buildApps } from './build-apps';
import { choosePorts } from './choose-ports';
import { startCoordinator } from './coordinator';
import type { Coordinator, CoordinatorStore } from './coordinator';
import { prepareDatabase } from './database';
import type { PlatformDatabase } from './database';
import { APPS, REPOSITORY, RUN_FOLDER } from './layout';
import type { AppName } from './layout';
import { Platform } from './platform';
import { openLogFolder } from './run-files';
import { prepareSagas, sagaPlan } from './sagas';
import type { PlatformSagas } from './sagas';

/** saga-participant's own default. */
const DEFAULT_PAYMENT_TIMEOUT_MS = 600_000;

export interface StartPlatformOptions {
  /** Short word for folders and names: demo, dev, bench. */
  readonly purpose: string;
  /** How many of each app. @default one of each */
  readonly counts?: Readonly<Partial<Record<AppName, number>>>;
  /** @default none */
  readonly auth?: 'none' | 'jwt';
  /** Use the ports of the reference where they are free. @default false: any free ports */
  readonly defaultPorts?: boolean;
  /** Start an app again that ends without having been told to. @default false */
  readonly respawn?: boolean;
  /** See AppInstanceOptions; for tests that kill apps on purpose. */
  readonly mostQuickEnds?: number;
  /** Called when an app has been started again by itself, under another process id. */
  readonly onRespawned?: () => void;
  /** @default boltdb */
  readonly coordinatorStore?: CoordinatorStore;
  /** Settings of one app on top of those that make it run here. */
  readonly appEnv?: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>>;
  /** @default warn */
  readonly logLevel?: string;
  /** One line for each step. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings everything up: servers, database with its users, bundles, apps; resolves when every app is ready. The apps and servers end with
 * this process, however it ends. What was started is stopped again when the start fails.
 */
export async function startPlatform(options: StartPlatformOptions): Promise<Platform> {
  const logs = openLogFolder(options.purpose);
  const undo: (() => Promise<void>)[] = [];
  try {
    return await bringUp(options, logs, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function bringUp(options: StartPlatformOptions, logs: string, undo: (() => Promise<void>)[]): Promise<Platform> {
  const counts = options.counts ?? Object.fromEntries(APPS.map((app) => [app, 1]));
  const wanted = APPS.filter((app) => (counts[app] ?? 0) > 0);
  // The build takes as long as the servers: side by side. A failed build waits for the servers, so that they can be stopped.
  const building = buildApps(wanted, join(logs, 'build.log'), options.signal);
  building.catch(() => undefined);
  const starting = startServers({ need: ['mysql', 'redis', 'rabbitmq'], purpose: options.purpose, log: options.log });
  undo.push(() => stopOnceStarted(starting));
  const coordinator = wanted.includes('saga-participant') ? openCoordinator(options, starting, undo) : undefined;
  const servers = await starting;
  const borrowed = await borrowServers(servers, { paymentTimeoutMs: paymentTimeoutOf(options) });
  undo.push(() => borrowed.cleanUp());
  const database = await openDatabase(options, servers);
  if (servers.endpoints.mysql.source === 'environment') undo.push(() => database.drop());
  const build = await building;
  options.log(
    labelled(
      'apps',
      `${wanted.length} bundles, ${build.fromCache ? 'unchanged' : 'built'}, ${seconds(build.durationMs)}`,
    ),
  );

  const dtm = await coordinator;
  const sagas = dtm && (await prepareSagas(dtm, database, options.log));
  if (sagas && servers.endpoints.mysql.source === 'environment') undo.push(() => sagas.shop.drop());

  const supervisor = await Supervisor.start({ parent: RUN_FOLDER, purpose: `${options.purpose}-apps` });
  undo.push(() => supervisor.stop());
  const auth = await createAuth(options.auth ?? 'none');
  const instances = await planInstances(options, counts, { servers, database, sagas, auth, supervisor, logs });
  const started = performance.now();
  await Promise.all(instances.map((instance) => instance.start()));
  options.log(labelled('apps', `${instances.length} ready in ${seconds(performance.now() - started)}`));
  return new Platform({ servers, database, sagas, auth, supervisor, logs, instances, undo });
}

/** Beside everything else: nothing but saga-participant waits for it. */
function openCoordinator(
  options: StartPlatformOptions,
  servers: Promise<RunningServers>,
  undo: (() => Promise<void>)[],
): Promise<Coordinator> {
  const opening = startCoordinator({
    purpose: options.purpose,
    log: options.log,
    store: options.coordinatorStore ?? 'boltdb',
    mysql: async () => (await servers).endpoints.mysql,
  });
  opening.catch(() => undefined); // reported where it is waited for
  undo.push(() => stopOnceStarted(opening.then(({ servers: own }) => own)));
  return opening;
}

/** What did not come up has been stopped already. */
async function stopOnceStarted(starting: Promise<{ stop(): Promise<void> }>): Promise<void> {
  const [outcome] = await Promise.allSettled([starting]);
  if (outcome.status === 'fulfilled') await outcome.value.stop();
}

async function openDatabase(options: StartPlatformOptions, servers: RunningServers): Promise<PlatformDatabase> {
  const { url, source } = servers.endpoints.mysql;
  const started = performance.now();
  const suffix = source === 'environment' ? `_${process.pid}` : '';
  const database = await prepareDatabase({ serverUrl: url, name: `coupon${suffix}`, userSuffix: suffix });
  const what = database.appliedMigrations > 0 ? `${database.appliedMigrations} migrations applied` : 'up to date';
  options.log(
    labelled('database', `${database.name}: ${what}, one user per app, ${seconds(performance.now() - started)}`),
  );
  return database;
}

interface Parts {
  readonly servers: RunningServers;
  readonly database: PlatformDatabase;
  readonly sagas: PlatformSagas | undefined;
  readonly auth: PlatformAuth;
  readonly supervisor: Supervisor;
  readonly logs: string;
}

async function planInstances(
  options: StartPlatformOptions,
  counts: Readonly<Partial<Record<AppName, number>>>,
  { servers, database, sagas, auth, supervisor, logs }: Parts,
): Promise<AppInstance[]> {
  const plans = planApps({
    instances: await choosePorts({ counts, preferDefaults: options.defaultPorts ?? false }),
    redisUrl: servers.endpoints.redis.url,
    amqpUrl: servers.endpoints.rabbitmq.url,
    mysqlUrls: database.appUrls,
    binlogMysqlUrl: database.binlogUrl,
    sagas: sagas && sagaPlan(sagas),
    auth,
    logLevel: options.logLevel ?? 'warn',
    base: { PATH: process.env['PATH'] ?? '', TMPDIR: process.env['TMPDIR'] ?? join(REPOSITORY, '.run', 'tmp') },
    extra: options.appEnv,
  });
  return plans.map(
    (plan) =>
      new AppInstance(plan, {
        supervisor,
        logFile: join(logs, `${plan.name}.log`),
        respawn: options.respawn ?? false,
        mostQuickEnds: options.mostQuickEnds,
        onUnexpectedExit: ({ name, logFile }, { code, signal }) => {
          options.log(`${name} ended by itself (${signal ?? `exit code ${code}`}): ${lastLines(logFile, 3)}`);
        },
        onRespawned: () => options.onRespawned?.(),
        onRespawnFailed: ({ name }, error) => options.log(`${name} cannot be started again: ${String(error)}`),
      }),
  );
}

/** Part of the name of a queue. */
function paymentTimeoutOf({ appEnv }: StartPlatformOptions): number {
  return Number(appEnv?.['saga-participant']?.['PAYMENT_TIMEOUT_MS'] ?? DEFAULT_PAYMENT_TIMEOUT_MS);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
