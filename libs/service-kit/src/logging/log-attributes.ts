/**
 * Names that may be logged as they are (snake_case; camelCase is folded into it). They identify a process, a request or a thing that
 * belongs to the shop. User ids, addresses, tokens, idempotency keys and bodies are absent on purpose.
 */
const COMMON_NAMES = [
  'activity_id activity_ids address app attempt attempts attributes batch binding body_bytes claim_id claims code codes',
  'component consumer correlation_id coupon_id coupon_sn database delivery_tag dependency details_code driver durability',
  'endpoint entries environment epoch err error event event_id event_seq event_type exchange exit_code field fields first from',
  'gid grpc_code grpc_port hostname host http_port id ids instance key_prefix kind last level limit lock_name max method min',
  'migration mode msg name node_version operation operation_id order_sn partition path payment_sn pid port product_id problem',
  'problems protocol queue reason reason_code recovered redis_run_id result role roles route routing_key scope seq server',
  'service settings signal size slot source span_id state states status status_code step stream stream_id stock_version',
  'table target template_id time timeout to topic total trace_id transport type url_host vhost version worker',
].flatMap((line) => line.split(' '));

/** A number under a name with such an ending is a measurement, whatever comes before. */
const MEASURE =
  /(?:^|_)(?:ms|us|ns|seconds|bytes|count|counts|rate|ratio|percent|available|claimed|persisted|rows|length|depth)$/;

const REDACTED = '[redacted]';
const MAX_DEPTH = 4;

type Attributes = Record<string, unknown>;

/** Built once per logger; `extra` are names the app vouches for. */
export function createAttributeFilter(extra: readonly string[]): (attributes: Attributes) => Attributes {
  const allowed = new Set([...COMMON_NAMES, 'request_id', ...extra.map(toSnakeCase)]);
  const verdicts = new Map<string, 'allow' | 'measure' | 'redact'>();

  const verdictOf = (name: string): 'allow' | 'measure' | 'redact' => {
    const known = verdicts.get(name);
    if (known !== undefined) return known;
    const snake = toSnakeCase(name);
    const verdict = allowed.has(snake) ? 'allow' : MEASURE.test(snake) ? 'measure' : 'redact';
    // Names come from code, not from users; the bound is a net under a mistake.
    if (verdicts.size < 1_000) verdicts.set(name, verdict);
    return verdict;
  };

  const filterObject = (attributes: Attributes, depth: number): Attributes => {
    const kept: Attributes = {};
    for (const [name, value] of Object.entries(attributes)) {
      const verdict = verdictOf(name);
      const passes =
        verdict === 'allow' || typeof value === 'boolean' || (verdict === 'measure' && typeof value === 'number');
      kept[name] = passes ? filterValue(value, depth) : REDACTED;
    }
    return kept;
  };

  const filterValue = (value: unknown, depth: number): unknown => {
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date) return value;
    if (depth >= MAX_DEPTH) return REDACTED;
    if (Array.isArray(value)) return value.slice(0, 100).map((item) => filterValue(item, depth + 1));
    return filterObject(value as Attributes, depth + 1);
  };

  return (attributes) => filterObject(attributes, 0);
}

function toSnakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}
