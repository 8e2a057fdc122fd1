import { join } from 'node:path';

export const REPOSITORY = join(__dirname, '..', '..', '..', '..');
export const RUN_FOLDER = join(REPOSITORY, '.run');
export const ENDPOINTS_FILE = join(RUN_FOLDER, 'endpoints.json');

export const APPS = ['coupon-admin', 'seckill-gateway', 'seckill-worker', 'saga-participant'] as const;
export type AppName = (typeof APPS)[number];

/** The bundle of an app, as nx builds it. */
export function bundleOf(app: AppName): string {
  return join(REPOSITORY, 'dist', 'apps', app, 'main.js');
}
