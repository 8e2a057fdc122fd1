import { randomBytes } from 'node:crypto';
import { exec } from '@coupon/servers';
import type { RunningServers } from '@coupon/servers';
import { labelled } from '../cli/screen';
import { UserError } from '../cli/user-error';
import type { SagaPlan } from './app-plan';
import { coordinatorAddresses } from './coordinator';
import type { Coordinator, CoordinatorAddresses, CoordinatorStore } from './coordinator';
import { prepareShop } from './database';
import type { PlatformDatabase, ShopDatabase } from './database';
import { bundleOf } from './layout';

/** What redemption runs on, besides the servers and the database of the sale. */
export interface PlatformSagas {
  readonly servers: RunningServers<'dtm'>;
  /** Where DTM keeps its transactions; undefined for one that somebody else runs. */
  readonly store: CoordinatorStore | undefined;
  readonly coordinator: CoordinatorAddresses;
  readonly shop: ShopDatabase;
  readonly webhookSecret: string;
  readonly branchSecret: string;
}

const MIGRATION_TIMEOUT_MS = 120_000;

/** Needs saga-participant's bundle, which has the migrations of the database `shop`. */
export async function prepareSagas(
  { servers, store }: Coordinator,
  database: PlatformDatabase,
  log: (line: string) => void,
): Promise<PlatformSagas> {
  const started = performance.now();
  const shop = await prepareShop(database, migrateShop);
  log(labelled('database', `${shop.name}: migrated, ${((performance.now() - started) / 1000).toFixed(1)} s`));
  return {
    servers,
    store,
    coordinator: await coordinatorAddresses(servers.endpoints.dtm),
    shop,
    webhookSecret: randomBytes(24).toString('base64url'),
    branchSecret: randomBytes(24).toString('base64url'),
  };
}

/** Brings the database `shop` to the newest migration by the command that a deployment uses. */
export async function migrateShop(adminUrl: string): Promise<void> {
  const { code, stdout, stderr } = await exec(process.execPath, [bundleOf('saga-participant'), 'migrate'], {
    timeoutMs: MIGRATION_TIMEOUT_MS,
    env: { ...process.env, SHOP_MYSQL_URL: adminUrl },
  });
  if (code === 0) return;
  throw new UserError(`The database shop could not be migrated: ${`${stdout}${stderr}`.trim().slice(-1_000)}`);
}

export function sagaPlan(sagas: PlatformSagas): SagaPlan {
  return {
    shopMysqlUrl: sagas.shop.appUrl,
    coordinator: sagas.coordinator,
    webhookSecret: sagas.webhookSecret,
    branchSecret: sagas.branchSecret,
  };
}
