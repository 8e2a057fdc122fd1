/** Distribution of the claims per script call between two readings of /metrics. */
export interface BatchSizes {
  readonly batches: number;
  readonly mean: number;
  /** Upper end of a bucket -> batches in it. */
  readonly buckets: Readonly<Record<string, number>>;
}

const BUCKET = /^claim_batch_size_bucket\{[^}]*le="([^"]+)"[^}]*\} (\S+)/gm;

/** @returns undefined when the gateway does not tell. */
export function batchSizesBetween(before: string, after: string): BatchSizes | undefined {
  const count = total(after, 'claim_batch_size_count') - total(before, 'claim_batch_size_count');
  const sum = total(after, 'claim_batch_size_sum') - total(before, 'claim_batch_size_sum');
  if (count <= 0) return undefined;
  const [from, to] = [cumulative(before), cumulative(after)];
  const buckets: Record<string, number> = {};
  let below = 0;
  for (const [end, atMost] of to) {
    const upTo = atMost - (from.get(end) ?? 0);
    if (upTo > below) buckets[end] = upTo - below;
    below = upTo;
  }
  return { batches: count, mean: Number((sum / count).toFixed(1)), buckets };
}

/** Sum over the series of a name. */
function total(text: string, name: string): number {
  let sum = 0;
  for (const [, number] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))) sum += Number(number);
  return sum;
}

function cumulative(text: string): Map<string, number> {
  const totals = new Map<string, number>();
  for (const [, end = '', count] of text.matchAll(BUCKET)) totals.set(end, (totals.get(end) ?? 0) + Number(count));
  return totals;
}

const ANSWERS = /^claims_total\{[^}]*code="([^"]+)"[^}]*\} (\S+)/gm;

/** Claims answered between two readings of /metrics, by code; undefined when the gateway does not tell. */
export function answersBetween(before: string, after: string): Record<string, number> | undefined {
  const [from, to] = [byCode(before), byCode(after)];
  if (to.size === 0) return undefined;
  const counts = [...to].map(([code, count]) => [code, count - (from.get(code) ?? 0)] as const);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

/** Whether two counts by code are the same; the clients' names begin with the status where the code is a refusal. */
export function sameAnswers(
  metrics: Readonly<Record<string, number>>,
  told: Readonly<Record<string, number>>,
): boolean {
  const byName = new Map(Object.entries(told).map(([name, count]) => [name.replace(/^\d+ /, ''), count]));
  const codes = new Set([...byName.keys(), ...Object.keys(metrics)]);
  return [...codes].every((code) => (metrics[code] ?? 0) === (byName.get(code) ?? 0));
}

function byCode(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, code = '', count] of text.matchAll(ANSWERS)) counts.set(code, (counts.get(code) ?? 0) + Number(count));
  return counts;
}
