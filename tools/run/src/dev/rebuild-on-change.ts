import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations, readMigrations } from '@coupon/persistence';
import { labelled } from '../cli/screen';
import { buildApps } from '../platform/build-apps';
import { APPS, REPOSITORY, bundleOf } from '../platform/layout';
import type { AppName } from '../platform/layout';
import type { Platform } from '../platform/platform';
import { migrateShop } from '../platform/sagas';
import { sourceState } from './source-state';

export interface RebuildOptions {
  readonly platform: Platform;
  /** State of the sources before the bundles that run were built. */
  readonly builtFrom: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Called when processes have changed. */
  readonly onRestart: () => void;
}

/** Looking is cheap (a stat of some hundred files), and unlike the file system's events it works across the borders of containers. */
const LOOK_INTERVAL_MS = 500;

/** Looks at the sources until the signal; builds after a change, migrates, and restarts the apps whose bundle is another one. */
export async function rebuildOnChange(options: RebuildOptions): Promise<void> {
  let hashes = bundleHashes();
  let built = options.builtFrom;
  let seen = sourceState(REPOSITORY);
  while (!options.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    const now = sourceState(REPOSITORY);
    // An editor writes a file in several steps, a checkout many files: built is what has been still for one look.
    const still = now === seen;
    seen = now;
    if (!still || now === built) continue;
    built = now;
    hashes = await rebuild(hashes, options);
  }
}

type Hashes = Readonly<Record<AppName, string>>;

async function rebuild(before: Hashes, options: RebuildOptions): Promise<Hashes> {
  try {
    options.log(labelled('changed', 'building'));
    await buildApps(APPS, join(options.platform.logs, 'build.log'), options.signal);
    const fresh = bundleHashes();
    const changed = APPS.filter((app) => fresh[app] !== before[app]);
    if (changed.length === 0) options.log(labelled('built', 'every bundle is the same as before'));
    else await replace(changed, options);
    return fresh;
  } catch (error) {
    // A typing mistake must not end the environment: it is shown, and the next change is another try.
    if (!options.signal.aborted) options.log(error instanceof Error ? error.message : String(error));
    return before;
  }
}

async function replace(changed: readonly AppName[], { platform, log, onRestart }: RebuildOptions): Promise<void> {
  const migrations = readMigrations(join(REPOSITORY, 'libs', 'persistence', 'prisma', 'migrations'));
  const { applied } = await applyMigrations({ url: platform.database.adminUrl, migrations });
  if (applied.length > 0) log(labelled('database', `applied ${applied.join(', ')}`));
  if (platform.sagas && changed.includes('saga-participant')) await migrateShop(platform.sagas.shop.adminUrl);
  const instances = changed.flatMap((app) => platform.all(app));
  await Promise.all(instances.map((instance) => instance.restart()));
  onRestart();
  log(labelled('restarted', instances.map(({ name }) => name).join(', ')));
}

function bundleHashes(): Hashes {
  const hash = (app: AppName): string =>
    existsSync(bundleOf(app))
      ? createHash('sha256')
          .update(readFileSync(bundleOf(app)))
          .digest('hex')
      : '';
  return Object.fromEntries(APPS.map((app) => [app, hash(app)])) as Record<AppName, string>;
}
