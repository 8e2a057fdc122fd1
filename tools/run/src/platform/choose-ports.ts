import { PortAllocator, portIsFree } from '@coupon/servers';
import { DEFAULT_PORTS } from './app-plan';
import type { InstancePorts } from './app-plan';
import { APPS } from './layout';
import type { AppName } from './layout';

export interface ChoosePortsOptions {
  /** How many of each app. */
  readonly counts: Readonly<Partial<Record<AppName, number>>>;
  /** True: the first instance of each app gets its default ports when both are free. */
  readonly preferDefaults: boolean;
  readonly isFree?: (port: number) => Promise<boolean>;
  readonly next?: () => Promise<number>;
}

/** Ports for every instance; no two are the same. */
export async function choosePorts(options: ChoosePortsOptions): Promise<Partial<Record<AppName, InstancePorts[]>>> {
  const allocator = new PortAllocator();
  const isFree = options.isFree ?? portIsFree;
  const next = options.next ?? (() => allocator.next());
  const chosen: Partial<Record<AppName, InstancePorts[]>> = {};
  for (const app of APPS) {
    const instances: InstancePorts[] = [];
    for (let index = 0; index < (options.counts[app] ?? 0); index++) {
      const defaults = DEFAULT_PORTS[app];
      const wanted = options.preferDefaults && index === 0;
      const usable =
        wanted && (await isFree(defaults.http)) && (defaults.grpc === undefined || (await isFree(defaults.grpc)));
      if (usable) instances.push(defaults);
      else instances.push({ http: await next(), grpc: defaults.grpc === undefined ? undefined : await next() });
    }
    chosen[app] = instances;
  }
  return chosen;
}
