import { AppError } from '@coupon/domain';
import { callUnary } from '@coupon/service-kit';
import type { InventoryFixture, Line } from './inventory-fixture';

export interface InventoryCall {
  readonly way: 'plain' | 'http' | 'grpc';
  readonly orderSn: string;
  readonly gid: string;
  readonly items: readonly Line[];
}

/** The same command as a plain call or as a branch: `ok`, or the code it is refused with. */
export function callInventory(
  inventory: InventoryFixture,
  { way, orderSn, gid, items }: InventoryCall,
): {
  reserve(): Promise<string>;
  release(): Promise<string>;
  commit(): Promise<string>;
  /** The compensation of what saga `gid` has reserved. */
  undo(gid: string): Promise<string>;
} {
  const request = {
    order_sn: orderSn,
    items: items.map(({ productId, quantity }) => ({ product_id: productId, quantity })),
  };
  const run = (path: 'reserve' | 'release' | 'commit'): Promise<string> => {
    if (way === 'http') return overHttp(inventory, path, gid, request);
    const method = `${path}Stock` as const;
    return way === 'grpc'
      ? overGrpc(inventory, method, gid, { orderSn, items })
      : plainly(inventory, method, { orderSn, items: [...items] });
  };
  return {
    reserve: () => run('reserve'),
    release: () => run('release'),
    commit: () => run('commit'),
    undo: async (saga) => {
      if (way === 'grpc') return overGrpc(inventory, 'releaseStock', saga, { orderSn, items }, 'compensate');
      return overHttp(inventory, 'release/compensate', saga, request, 'compensate');
    },
  };
}

type Method = 'reserveStock' | 'releaseStock' | 'commitStock';

async function overHttp(
  inventory: InventoryFixture,
  path: string,
  gid: string,
  request: object,
  op?: 'compensate',
): Promise<string> {
  const { status, body } = await inventory.branch(path, gid, request, op);
  return status === 200 ? 'ok' : body.code;
}

async function overGrpc(
  inventory: InventoryFixture,
  method: Method,
  gid: string,
  request: { orderSn: string; items: readonly Line[] },
  op?: 'compensate',
): Promise<string> {
  const { code, details } = await inventory.grpcBranch(method, gid, request, op);
  return code === 0 ? 'ok' : details;
}

async function plainly(
  { client }: InventoryFixture,
  method: Method,
  request: { orderSn: string; items: Line[] },
): Promise<string> {
  const settings = { deadlineMs: 10_000 };
  const calls: Record<Method, () => Promise<unknown>> = {
    reserveStock: () => callUnary(client.reserveStock.bind(client), request, settings),
    releaseStock: () => callUnary(client.releaseStock.bind(client), request, settings),
    commitStock: () => callUnary(client.commitStock.bind(client), request, settings),
  };
  try {
    await calls[method]();
    return 'ok';
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}
