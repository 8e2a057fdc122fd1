/** One value per key, in order; null for a key without a row. */
export function inOrder<Row, RecordOf extends { readonly id: string }, Value>(
  keys: readonly string[],
  rows: readonly Row[],
  valueOf: (record: RecordOf) => Value,
  recordOf: (row: Row) => RecordOf,
): (Value | null)[] {
  const byId = new Map<string, Value>();
  for (const row of rows) {
    const record = recordOf(row);
    byId.set(record.id, valueOf(record));
  }
  return keys.map((key) => byId.get(key) ?? null);
}
