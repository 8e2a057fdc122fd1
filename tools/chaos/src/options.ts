import { parseArgs } from 'node:util';
import { UserError } from '@coupon/platform';

export interface ChaosOptions {
  readonly name: string;
  /** Of `sagas`. */
  readonly rounds: number;
  /** Of `caches`. */
  readonly minutes: number;
  /** The same seed gives the same orders and the same timing, as far as the machine lets it. */
  readonly seed: number | undefined;
  /** Undefined: all faults. */
  readonly faults: readonly string[] | undefined;
  readonly reportFile: string | undefined;
}

const OPTIONS = {
  rounds: { type: 'string' },
  minutes: { type: 'string' },
  seed: { type: 'string' },
  fault: { type: 'string', multiple: true },
  report: { type: 'string' },
} as const;

const MOST_ROUNDS = 1_000;
const MOST_MINUTES = 1_440;
const MOST_SEED = 2 ** 32 - 1;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

/** @throws UserError with the usage when the words make no sense. */
export function parseChaosOptions(args: readonly string[], names: readonly string[]): ChaosOptions {
  const usage = `usage: npm run chaos -- ${names.join('|')} [--rounds N] [--minutes N] [--seed N] [--fault WORDS] [--report FILE]`;
  const { values, positionals } = parse(args, usage);
  const [name] = positionals;
  if (name === undefined || positionals.length > 1 || !names.includes(name)) throw new UserError(usage);
  return {
    name,
    rounds: integer(values.rounds, { least: 1, most: MOST_ROUNDS }, usage) ?? 2,
    minutes: integer(values.minutes, { least: 1, most: MOST_MINUTES }, usage) ?? 5,
    seed: integer(values.seed, { least: 0, most: MOST_SEED }, usage),
    faults: values.fault,
    reportFile: values.report,
  };
}

function parse(args: readonly string[], usage: string): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function integer(
  text: string | undefined,
  { least, most }: { readonly least: number; readonly most: number },
  usage: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isInteger(value) || value < least || value > most) throw new UserError(usage);
  return value;
}
