import { pollUntil } from '@coupon/servers';
import { isOurs, liveEndpoints, ownersOf, removeEndpoints } from '../platform/endpoints';

/** Longer than the apps' own deadline and that of the servers after it. */
const STOP_TIMEOUT_MS = 60_000;

/** Ends what the endpoints file names, apps before servers, and removes the file. Resolves with false when nothing is up. */
export async function stopEnvironment(file: string): Promise<boolean> {
  const endpoints = liveEndpoints(file);
  for (const pid of endpoints ? ownersOf(endpoints) : []) await endProcess(pid);
  removeEndpoints(file);
  return endpoints !== undefined;
}

async function endProcess(pid: number): Promise<void> {
  if (!isOurs(pid)) return;
  process.kill(pid, 'SIGTERM');
  await pollUntil(
    () => (isOurs(pid) ? Promise.reject(new Error(`process ${pid} is still running`)) : Promise.resolve()),
    { timeoutMs: STOP_TIMEOUT_MS, intervalMs: 50, what: `the end of process ${pid}` },
  );
}
