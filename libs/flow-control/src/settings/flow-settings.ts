import { z } from 'zod';
import { InvalidArgumentError } from '@coupon/domain';

const rateLimit = z.strictObject({
  /** Permits per second. */
  rate: z.int().min(1).max(9_999_999),
  /** Permits at once. */
  burst: z.int().min(1).max(9_999_999),
});

const breaker = z.strictObject({
  failure_percent: z.number().min(1).max(100),
  min_batches: z.int().min(1).max(100_000),
});

const schema = z.strictObject({
  /** Claims per second of one user on one activity, decided by the claim script; 0 = off. */
  per_user: z.int().min(0).max(1_000_000),
  /** Claims of one address, per process; null = off. */
  per_address: rateLimit.nullable(),
  /** Claims on one activity over all instances; null = off. */
  per_activity: rateLimit.nullable(),
  /** Claims on one instance over all its processes; null = off. */
  instance: rateLimit.nullable(),
  /** Claims under way at Redis, per process. */
  max_concurrent: z.int().min(1).max(1_000_000),
  /** Claims waiting, per process. */
  queue_size: z.int().min(1).max(1_000_000),
  /** A claim that waited longer is refused unsent. */
  queue_deadline_ms: z.int().min(1).max(60_000),
  /** Share of capacity from which on requests are shed. */
  shed_threshold: z.number().min(0.1).max(0.99),
  breaker,
});

/** All limits of a gateway that can be changed while it runs. Names as stored and as shown by the admin operation. */
export type FlowSettings = Readonly<z.output<typeof schema>>;

/** Any part of the settings; objects are replaced whole, null switches a limit off. */
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

/** @throws InvalidArgumentError with every field that is wrong or unknown. */
export function parseFlowSettingsPatch(value: unknown): FlowSettingsPatch {
  return parsed(patchSchema, value);
}

/** Settings out of a patch of others. */
export function patchFlowSettings(settings: FlowSettings, patch: FlowSettingsPatch): FlowSettings {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return { ...settings, ...(Object.fromEntries(given) as Partial<FlowSettings>) };
}

/**
 * Stored settings as they are used: what an older version did not know gets its value from `base`, what a newer one added is left out, so
 * that gateways of two versions follow the same settings during a roll-out. @throws InvalidArgumentError for values out of range.
 */
export function decodeFlowSettings(body: string, base: FlowSettings): FlowSettings {
  const value: unknown = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw InvalidArgumentError.of('settings', 'must be an object');
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(schema.shape, name));
  return parsed(schema, { ...base, ...Object.fromEntries(known) });
}

export function encodeFlowSettings(settings: FlowSettings): string {
  return JSON.stringify(settings);
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
