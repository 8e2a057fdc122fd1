import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { HEARTBEAT_TABLE } from '@coupon/contracts';
import type { CanalChange } from '../../use-cases/binlog/canal-messages';
import type { BinlogMetrics } from '../../use-cases/binlog/tail-binlog.use-case';

/**
 * @param source Whose heartbeats measure the lag: our own, so that one clock tells both times.
 * @param nowMs Epoch milliseconds.
 */
export function createBinlogMetrics(registry: Registry, source: string, nowMs: () => number): BinlogMetrics {
  const registers = [registry];
  const messages = new Counter({
    name: 'coupon_binlog_messages_total',
    help: 'Changes told to the bus and confirmed, by table and type.',
    labelNames: ['table', 'type'],
    registers,
  });
  const active = new Gauge({
    name: 'coupon_binlog_active',
    help: '1 while this process reads the binlog.',
    registers,
  });
  const plain = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const takenOver = plain('coupon_binlog_leases_total', 'Times this process has become the one that reads the binlog.');
  const lost = plain(
    'coupon_binlog_point_lost_total',
    'Times the place in the binlog was lost and changes were skipped.',
  );
  const unencoded = plain('coupon_binlog_unencoded_total', 'Events parked because they could not be told.');
  const restarts = new Counter({
    name: 'coupon_binlog_restarts_total',
    help: 'Times reading began again from the last place, by reason.',
    labelNames: ['reason'],
    registers,
  });
  let heardMs: number | undefined;
  const lag = new Gauge({
    name: 'coupon_binlog_lag_seconds',
    help: 'Age of the newest own heartbeat that was told: how far the bus is behind the database. Only where the binlog is read.',
    registers,
    collect: () => {
      if (heardMs === undefined) lag.remove();
      else lag.set(Math.max(0, nowMs() - heardMs) / 1000);
    },
  });
  return {
    active: (isActive) => {
      active.set(isActive ? 1 : 0);
      heardMs = isActive ? (heardMs ?? nowMs()) : undefined;
    },
    confirmed: (change) => {
      messages.inc({ table: change.table, type: change.type });
      const beatMs = beatOf(change, source);
      if (beatMs !== undefined) heardMs = beatMs;
    },
    takenOver: () => takenOver.inc(),
    restarted: (reason) => restarts.inc({ reason }),
    pointLost: () => lost.inc(),
    unencoded: () => unencoded.inc(),
  };
}

function beatOf({ table, data, type }: CanalChange, source: string): number | undefined {
  if (table !== HEARTBEAT_TABLE || type === 'DELETE') return undefined;
  const row = data?.find((one) => one['source']?.startsWith(source));
  return row === undefined ? undefined : Number(row['beat']);
}
