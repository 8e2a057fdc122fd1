import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { exec, findProgram } from '../exec';
import { startProcessServer } from './process-server';
import { unavailable } from './source';
import type { Source } from './source';

const INSTALL_TIMEOUT_MS = 300_000;
const POLICY = '/usr/sbin/policy-rc.d';

/** Installs the system's own packages (Debian-like, root) and runs their programs on data of our own; no system service is started. */
export const installedSource: Source = {
  name: 'installed',
  description: 'installed by apt-get',
  async open(recipe, context) {
    const path = context.env['PATH'] ?? '';
    if (findProgram('apt-get', path) === undefined) return unavailable('no apt-get on this system');
    if (process.getuid?.() !== 0) return unavailable('apt-get install needs root');
    const failure = await install(recipe.systemPackages);
    if (failure !== undefined) return unavailable(failure);
    const installation = await recipe.findLocal(path);
    if (!installation) return unavailable('the installed program is too old');
    return { kind: 'server', server: await startProcessServer(recipe, installation, 'installed', context) };
  },
};

async function install(packages: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const withoutServices = !existsSync(POLICY);
  if (withoutServices) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n'); // Debian's own way to say: install, but start no service
    chmodSync(POLICY, 0o755);
  }
  try {
    const options = { timeoutMs: INSTALL_TIMEOUT_MS, env };
    const lock = ['-o', 'DPkg::Lock::Timeout=240'];
    await exec('apt-get', ['-qq', ...lock, 'update'], options); // stale lists may still do; the installation tells
    const { code, stderr } = await exec(
      'apt-get',
      ['-qq', '-y', ...lock, '--no-install-recommends', 'install', ...packages],
      options,
    );
    return code === 0
      ? undefined
      : `apt-get install ${packages.join(' ')} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
  } finally {
    if (withoutServices) rmSync(POLICY, { force: true });
  }
}
