import { delimiter, join } from 'node:path';

/**
 * The environment of everything that is started: the packages' programs first, caches and temporary files inside the clone, no
 * telemetry, no background daemons.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(root, env) {
  const bin = join(root, 'node_modules', '.bin');
  const path = (env['PATH'] ?? '').split(delimiter).filter((part) => part !== bin);
  return {
    ...env,
    PATH: [bin, ...path].join(delimiter),
    TMPDIR: join(root, '.run', 'tmp'),
    XDG_CACHE_HOME: join(root, '.cache', 'xdg'),
    BUF_CACHE_DIR: join(root, '.cache', 'buf'),
    TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json'),
    NX_CACHE_DIRECTORY: join(root, '.nx', 'cache'),
    NX_WORKSPACE_DATA_DIRECTORY: join(root, '.nx', 'workspace-data'),
    NX_DAEMON: 'false',
    NX_ISOLATE_PLUGINS: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
    PRISMA_SCHEMA_ENGINE_BINARY: env['PRISMA_SCHEMA_ENGINE_BINARY'] ?? '/bin/true',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
    DO_NOT_TRACK: '1',
    NPM_CONFIG_UPDATE_NOTIFIER: 'false',
  };
}
