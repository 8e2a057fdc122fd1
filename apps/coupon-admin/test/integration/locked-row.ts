import { createConnection } from 'mysql2/promise';
import { eventually } from '@coupon/testing';

/**
 * Somebody else's transaction changes an activity's row and commits once another transaction waits for it and `until` holds.
 * `set`: the assignments of an UPDATE; `work` begins after the row is locked.
 */
export async function lockedRow<T>(
  url: string,
  activityId: string,
  set: string,
  { work, until = () => undefined }: { work: () => Promise<T>; until?: () => unknown },
): Promise<T> {
  const connection = await createConnection({ uri: url });
  try {
    await connection.query('BEGIN');
    await connection.query(`UPDATE flash_sale_activities SET ${set} WHERE id = ?`, [activityId]);
    const result = work();
    const isWaitedFor = async (): Promise<void> => {
      await until();
      const [waiting] = await connection.query(
        `SELECT t.trx_id FROM information_schema.innodb_trx t
         JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
         WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()`,
      );
      expect(waiting).toHaveLength(1);
    };
    // The server renews what it shows of transactions only when nobody has looked for 100 ms.
    await eventually(isWaitedFor, { intervalMs: 150 });
    await connection.query('COMMIT');
    return await result;
  } finally {
    await connection.end();
  }
}
