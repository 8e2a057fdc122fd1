import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOurs } from './endpoints';
import { RUN_FOLDER } from './layout';

/**
 * The folder of logs of one kind of run, `.run/<purpose>`; what the last such run wrote is removed. While another run of the kind is
 * under way, `.run/<purpose>.<pid>`.
 */
export function openLogFolder(purpose: string, runFolder: string = RUN_FOLDER): string {
  const usual = join(runFolder, purpose);
  const folder = isTaken(usual) ? `${usual}.${process.pid}` : usual;
  rmSync(folder, { recursive: true, force: true });
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  setLogOwner(logs, process.pid);
  return logs;
}

/** Who writes there; while it lives, others keep off. */
export function setLogOwner(logs: string, pid: number): void {
  writeFileSync(ownerFile(join(logs, '..')), String(pid));
}

function isTaken(folder: string): boolean {
  const file = ownerFile(folder);
  if (!existsSync(file)) return false;
  const pid = Number(readFileSync(file, 'utf8'));
  return pid > 0 && pid !== process.pid && isOurs(pid);
}

function ownerFile(folder: string): string {
  return join(folder, 'writer');
}
