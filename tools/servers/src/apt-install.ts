import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { exec, findProgram } from './exec';

const INSTALL_TIMEOUT_MS = 300_000;
const POLICY = '/usr/sbin/policy-rc.d';

/** Installs packages of the system's own suite without starting their services. Returns why it could not, or undefined. */
export async function aptInstall(packages: readonly string[], path: string): Promise<string | undefined> {
  if (findProgram('apt-get', path) === undefined) return 'no apt-get on this system';
  if (process.getuid?.() !== 0) return 'apt-get install needs root';
  const withoutServices = !existsSync(POLICY);
  if (withoutServices) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n'); // Debian's own way to say: install, but start no service
    chmodSync(POLICY, 0o755);
  }
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
    const options = { timeoutMs: INSTALL_TIMEOUT_MS, env };
    const quiet = ['-qq', '-y', '-o', 'DPkg::Lock::Timeout=240'];
    await exec('apt-get', [...quiet, 'update'], options); // stale lists may still do; the installation tells
    const { code, stderr } = await exec(
      'apt-get',
      [...quiet, '--no-install-recommends', 'install', ...packages],
      options,
    );
    return code === 0
      ? undefined
      : `apt-get install ${packages.join(' ')} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
  } finally {
    if (withoutServices) rmSync(POLICY, { force: true });
  }
}
