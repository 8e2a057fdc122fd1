import { InvalidArgumentError, formatMoney, parseMoney } from '@coupon/domain';
import type { z } from 'zod';
import type { Json, JsonObject } from '../use-cases/model';
import { readField } from '@coupon/service-kit';

const AMOUNTS_OF_TIERS: ReadonlySet<string> = new Set(['min_amount', 'discount_value']);

const RULE_ARGS_SHAPES = [
  {
    type: 'object',
    description: 'type 4: tiers, both values ascending',
    required: ['tiers'],
    additionalProperties: false,
    properties: {
      tiers: {
        type: 'array',
        minItems: 1,
        maxItems: 20,
        items: {
          type: 'object',
          required: ['min_amount', 'discount_value'],
          additionalProperties: false,
          properties: { min_amount: { type: 'string' }, discount_value: { type: 'string' } },
        },
      },
    },
  },
  {
    type: 'object',
    description: 'type 5: buy X get Y',
    required: ['buy_quantity', 'get_quantity'],
    additionalProperties: false,
    properties: {
      buy_quantity: { type: 'integer', minimum: 1, maximum: 1_000 },
      get_quantity: { type: 'integer', minimum: 1, maximum: 1_000 },
    },
  },
  { type: 'null' },
];

/** Parameters of the rule of a template, null for a rule without any. What must be in them is the rule's to say; it sees the whole template. */
export function ruleArgsField(): z.ZodType<JsonObject | null> {
  return readField(
    (value) => {
      if (value === null) return null;
      if (typeof value === 'object' && !Array.isArray(value)) return withTwoDigits(value as JsonObject);
      throw InvalidArgumentError.of('rule_args', 'must be an object or null');
    },
    { anyOf: RULE_ARGS_SHAPES },
  );
}

/** Amounts of tiers as they are stored and shown; what is no amount stays, so that the rule can name it. */
function withTwoDigits(args: JsonObject): JsonObject {
  const { tiers } = args;
  if (!Array.isArray(tiers)) return args;
  const amount = (value: Json): Json => {
    try {
      return formatMoney(parseMoney(value, 'amount'));
    } catch (error) {
      if (error instanceof InvalidArgumentError) return value;
      throw error;
    }
  };
  const tierOf = (tier: Json): Json => {
    if (typeof tier !== 'object' || tier === null || Array.isArray(tier)) return tier;
    return Object.fromEntries(
      Object.entries(tier).map(([name, value]) => [name, AMOUNTS_OF_TIERS.has(name) ? amount(value) : value]),
    );
  };
  return { ...args, tiers: (tiers as readonly Json[]).map(tierOf) };
}
