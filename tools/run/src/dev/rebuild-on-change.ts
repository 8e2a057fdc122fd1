import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations, readMigrations } from '@coupon/persistence';
import { labelled } from '../cli/screen';
import { buildApps } from '../platform/build-apps';
import { APPS, REPOSITORY, bundleOf } from '../platform/layout';
import type { AppName } from '../platform/layout';
import type { Platform } from '../platform/platform';
import { isSource } from './is-source';

export interface RebuildOptions {
  readonly platform: Platform;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Called when processes have changed. */
  readonly onRestart: () => void;
}

/** An editor writes a file in several steps, a checkout many files. */
const QUIET_MS = 300;

/** Watches the sources until the signal; builds after a change, migrates, and restarts the apps whose bundle is another one. */
export async function rebuildOnChange(options: RebuildOptions): Promise<void> {
  let hashes = bundleHashes();
  let timer: NodeJS.Timeout | undefined;
  let working = Promise.resolve();
  const rebuild = async (): Promise<void> => {
    try {
      await buildApps(APPS, join(options.platform.logs, 'build.log'), options.signal);
      const fresh = bundleHashes();
      const changed = APPS.filter((app) => fresh[app] !== hashes[app]);
      hashes = fresh;
      if (changed.length > 0) await replace(changed, options);
    } catch (error) {
      // A typing mistake must not end the environment: it is shown, and the next change is another try.
      if (!options.signal.aborted) options.log(error instanceof Error ? error.message : String(error));
    }
  };
  const onChange = (folder: string, file: string): void => {
    if (!isSource(join(folder, file))) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      working = working.then(rebuild);
    }, QUIET_MS);
  };
  for (const folder of watchedFolders()) {
    watch(join(REPOSITORY, folder), { recursive: true, signal: options.signal })
      .on('change', (_, file) => onChange(folder, String(file)))
      .on('error', (error) => options.log(`${folder} is not watched: ${error.message}`));
  }
  await new Promise((resolve) => options.signal.addEventListener('abort', resolve, { once: true }));
  clearTimeout(timer);
  await working;
}

async function replace(changed: readonly AppName[], { platform, log, onRestart }: RebuildOptions): Promise<void> {
  const migrations = readMigrations(join(REPOSITORY, 'libs', 'persistence', 'prisma', 'migrations'));
  const { applied } = await applyMigrations({ url: platform.database.adminUrl, migrations });
  if (applied.length > 0) log(labelled('database', `applied ${applied.join(', ')}`));
  const instances = changed.flatMap((app) => platform.all(app));
  await Promise.all(instances.map((instance) => instance.restart()));
  onRestart();
  log(labelled('restarted', instances.map(({ name }) => name).join(', ')));
}

function watchedFolders(): string[] {
  const below = (parent: string): string[] => readdirSync(join(REPOSITORY, parent)).map((name) => join(parent, name));
  const folders = [...below('apps'), ...below('libs')].map((project) => join(project, 'src'));
  return [...folders, join('libs', 'persistence', 'prisma'), 'proto'].filter((folder) =>
    existsSync(join(REPOSITORY, folder)),
  );
}

function bundleHashes(): Record<AppName, string> {
  const hash = (app: AppName): string =>
    existsSync(bundleOf(app))
      ? createHash('sha256')
          .update(readFileSync(bundleOf(app)))
          .digest('hex')
      : '';
  return Object.fromEntries(APPS.map((app) => [app, hash(app)])) as Record<AppName, string>;
}
