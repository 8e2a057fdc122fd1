import { SERVER_SOURCES, startServers } from '@coupon/servers';
import type { ServerStarter } from './sagas/stage';

/** Never servers of the environment: they are killed. */
export function ownServers(log: (line: string) => void): ServerStarter {
  const sources = SERVER_SOURCES.filter((source) => source !== 'environment');
  return (need, settings) => startServers({ need, purpose: 'chaos', sources, log, ...settings });
}
