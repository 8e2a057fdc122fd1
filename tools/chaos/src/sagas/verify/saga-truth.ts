import type { SagaStage } from '../stage';

/** What the coordinator, the barriers and the outboxes say once everything has come to rest. */
export interface SagaTruth {
  /** Rows of saga_runs. */
  readonly runs: readonly { readonly gid: string; readonly orderSn: string; readonly state: string }[];
  /** DTM's own record. */
  readonly transactions: readonly { readonly gid: string; readonly status: string }[];
  /** Rows of both barriers. */
  readonly barriers: readonly { readonly gid: string; readonly branchId: string; readonly op: string }[];
  /** Events of orders. */
  readonly orderEvents: readonly { readonly orderSn: string; readonly type: string }[];
  /** Events of coupons, one row per coupon. */
  readonly couponEvents: readonly { readonly couponId: string; readonly type: string }[];
}

export async function readSagaTruth(stage: SagaStage): Promise<SagaTruth> {
  const { shopName: shop, couponName: coupon, dtmName: dtm } = stage;
  const barrier = (database: string): string => `SELECT gid, branch_id AS branchId, op FROM ${database}.barrier`;
  const events = await stage.query<{ type: string; body: string | CouponEventBody }>(
    `SELECT routing_key AS type, body FROM ${coupon}.outbox`,
  );
  return {
    runs: await stage.query(`SELECT gid, order_sn AS orderSn, state FROM ${shop}.saga_runs`),
    transactions: await stage.query(`SELECT gid, status FROM ${dtm}.trans_global`),
    barriers: await stage.query(`${barrier(coupon)} UNION ALL ${barrier(shop)}`),
    orderEvents: await stage.query(
      `SELECT JSON_UNQUOTE(JSON_EXTRACT(body, '$.order_sn')) AS orderSn, routing_key AS type FROM ${shop}.outbox
       WHERE routing_key LIKE 'order.%'`,
    ),
    couponEvents: events.flatMap(({ type, body }) => {
      const { coupons } = typeof body === 'string' ? (JSON.parse(body) as CouponEventBody) : body;
      return coupons.map(({ user_coupon_id: couponId }) => ({ couponId, type }));
    }),
  };
}

interface CouponEventBody {
  readonly coupons: readonly { readonly user_coupon_id: string }[];
}

/** Sagas that DTM has not brought to their end. */
export async function openTransactions(stage: SagaStage): Promise<number> {
  const [row] = await stage.query<{ n: string }>(
    `SELECT COUNT(*) AS n FROM ${stage.dtmName}.trans_global WHERE status NOT IN ('succeed', 'failed')`,
  );
  return Number(row?.n);
}
