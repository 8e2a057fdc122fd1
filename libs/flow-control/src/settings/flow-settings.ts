import { z } from 'zod';
import { InvalidArgumentError } from '@coupon/domain';

const MOST_PERMITS = 9_999_999;

const rateLimit = z.strictObject({
  /** Permits per second. */
  rate: whole(1, MOST_PERMITS),
  /** Permits at once. */
  burst: whole(1, MOST_PERMITS),
});

const breaker = z.strictObject({
  failure_percent: between(1, 100),
  min_batches: whole(1, 100_000),
});

const schema = z.strictObject({
  /** Claims per second of one user on one activity, decided by the claim script; 0 = off. */
  per_user: whole(0, 1_000_000),
  /** Claims of one address, per process; null = off. */
  per_address: rateLimit.nullable(),
  /** Claims on one activity over all instances; null = off. */
  per_activity: rateLimit.nullable(),
  /** Claims on one instance over all its processes; null = off. */
  instance: rateLimit.nullable(),
  /** Claims under way at Redis, per process. */
  max_concurrent: whole(1, 1_000_000),
  /** Claims waiting, per process. */
  queue_size: whole(1, 1_000_000),
  /** A claim that waited longer is refused unsent. */
  queue_deadline_ms: whole(1, 60_000),
  /** Share of capacity from which on requests are shed. */
  shed_threshold: between(0.1, 0.99),
  breaker,
});

/** All limits of a gateway that can be changed while it runs. Names as stored and as in the admin operation. */
export type FlowSettings = Readonly<z.output<typeof schema>>;

/** Any part of the settings, as stored; objects are replaced whole, null switches a limit off. */
export type FlowSettingsPatch = { readonly [K in keyof FlowSettings]?: FlowSettings[K] | undefined };

export const DEFAULT_FLOW_SETTINGS: FlowSettings = Object.freeze({
  per_user: 5,
  per_address: null,
  per_activity: null,
  instance: null,
  max_concurrent: 1_000,
  queue_size: 5_000,
  queue_deadline_ms: 1_000,
  shed_threshold: 0.8,
  breaker: Object.freeze({ failure_percent: 50, min_batches: 10 }),
});

const patchSchema = schema.partial();

const OFF = 'off';

/** A limit that can be switched off: `off` is a value of its own, because null brings the default back, and that may be a limit. */
const rateLimitChange = z
  .unknown()
  .meta({ anyOf: [{ const: OFF }, z.toJSONSchema(rateLimit)].map(withoutDialect) })
  .transform((value, context): z.output<typeof rateLimit> | typeof OFF => {
    if (value === OFF) return OFF;
    if (typeof value !== 'object' || Array.isArray(value)) {
      context.addIssue({ code: 'custom', message: 'must be {rate, burst}, "off", or null for the default' });
      return z.NEVER;
    }
    const result = rateLimit.safeParse(value);
    if (result.success) return result.data;
    for (const { path, ...issue } of result.error.issues) context.addIssue({ ...issue, path });
    return z.NEVER;
  })
  .nullable()
  .optional();

/** The fields of a change as an operator asks for it: a value, null for the default, or nothing to leave it as it is. */
export const flowSettingsChangeShape = {
  per_user: schema.shape.per_user.nullable().optional(),
  per_address: rateLimitChange,
  per_activity: rateLimitChange,
  instance: rateLimitChange,
  max_concurrent: schema.shape.max_concurrent.nullable().optional(),
  queue_size: schema.shape.queue_size.nullable().optional(),
  queue_deadline_ms: schema.shape.queue_deadline_ms.nullable().optional(),
  shed_threshold: schema.shape.shed_threshold.nullable().optional(),
  breaker: schema.shape.breaker.nullable().optional(),
} satisfies Readonly<Record<keyof FlowSettings, z.ZodType>>;

export type FlowSettingsChange = Readonly<z.output<z.ZodObject<typeof flowSettingsChangeShape>>>;

/** Settings out of a patch of others. */
export function patchFlowSettings(settings: FlowSettings, patch: FlowSettingsPatch): FlowSettings {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return { ...settings, ...(Object.fromEntries(given) as Partial<FlowSettings>) };
}

/**
 * What is stored: only what an operator has set, so that everything else stays each gateway's own default. Names that a newer version
 * added are left out, so that gateways of two versions follow the same settings during a roll-out.
 * @throws InvalidArgumentError for values out of range.
 */
export function decodeFlowSettings(body: string): FlowSettingsPatch {
  const known = Object.entries(parseObject(body)).filter(([name]) => Object.hasOwn(schema.shape, name));
  return parsed(patchSchema, Object.fromEntries(known));
}

export function encodeFlowSettings(settings: FlowSettingsPatch): string {
  return JSON.stringify(settings);
}

/**
 * The stored text after a change. Names that only a newer version knows stay as they are.
 * @param body null when nothing is stored, or nothing of it is to be kept
 * @throws InvalidArgumentError when `body` is not an object in JSON.
 */
export function changeStoredFlowSettings(body: string | null, change: FlowSettingsChange): string {
  const stored = body === null ? {} : parseObject(body);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    if (value === null) delete stored[name];
    else stored[name] = value === OFF ? null : value;
  }
  return JSON.stringify(stored);
}

function parseObject(body: string): Record<string, unknown> {
  const value = parseJson(body);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw InvalidArgumentError.of('settings', 'must be an object');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw InvalidArgumentError.of('settings', 'is not valid JSON');
  }
}

function parsed<T>(type: z.ZodType<T>, value: unknown): T {
  const result = type.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidArgumentError(
    result.error.issues.map((issue) => ({
      field:
        [...issue.path.map(String), ...(issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])].join('.') ||
        'settings',
      message: issue.message,
    })),
  );
}

function whole(min: number, max: number): z.ZodNumber {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.number(message).int(message).min(min, message).max(max, message);
}

function between(min: number, max: number): z.ZodNumber {
  const message = `must be a number from ${min} to ${max}`;
  return z.number(message).min(min, message).max(max, message);
}

function withoutDialect({ $schema: _dialect, ...schema }: Record<string, unknown>): Record<string, unknown> {
  return schema;
}
