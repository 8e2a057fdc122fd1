import { eventually } from '@coupon/testing';
import { useAdmin } from './fixture';

// Each instance does one round when it starts.
const admin = useAdmin();

async function anOperation(id: string, finished: string): Promise<void> {
  await admin.database.query(
    `INSERT INTO operations (operation_id, kind, state, payload, created_at, finished_at)
     VALUES (?, 'end', 'done', '{}', UTC_TIMESTAMP(3) - INTERVAL 90 DAY, ${finished})`,
    [id],
  );
}

it('removes finished operations after their retention, and no other', async () => {
  await anOperation('young', 'UTC_TIMESTAMP(3) - INTERVAL 29 DAY');
  await anOperation('unfinished', 'NULL');
  // Not to be driven: its kind has no such state.
  await admin.database.query("UPDATE operations SET kind = 'restore' WHERE operation_id = 'unfinished'");
  for (let n = 0; n < 3; n += 1) await anOperation(`old-${n}`, 'UTC_TIMESTAMP(3) - INTERVAL 31 DAY');
  await admin.another();
  await eventually(async () => {
    const rows = await admin.database.query<{ operation_id: string }>(
      'SELECT operation_id FROM operations ORDER BY id',
    );
    expect(rows.map((row) => row.operation_id)).toEqual(['young', 'unfinished']);
  });
});

it('removes more keys in one round than one statement does', async () => {
  await admin.database.query(
    `INSERT INTO idempotency_keys (scope, idem_key, request_hash, created_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
     SELECT CONCAT('s', a.i), CONCAT('k', n.i), '', UTC_TIMESTAMP(3) - INTERVAL 8 DAY FROM n JOIN (SELECT 1 AS i UNION SELECT 2 UNION SELECT 3) a`,
  );
  await admin.database.query("INSERT INTO idempotency_keys (scope, idem_key, request_hash) VALUES ('s', 'young', '')");
  await admin.another();
  await eventually(async () => {
    const rows = await admin.database.query<{ idem_key: string }>('SELECT idem_key FROM idempotency_keys');
    expect(rows).toEqual([{ idem_key: 'young' }]);
  });
});
