import { parseArgs } from 'node:util';
import { UserError } from '@coupon/platform';

export interface BenchOptions {
  readonly name: string;
  readonly rounds: number;
  /** Events, requests or whatever the subject counts, per round; undefined: the subject's default. */
  readonly size: number | undefined;
  /** Measured seconds of each run, for subjects that measure by the clock; undefined: the subject's default. */
  readonly seconds: number | undefined;
  /** Undefined: what the subject runs by itself. */
  readonly cases: readonly string[] | undefined;
  readonly full: boolean;
  readonly reportFile: string | undefined;
}

const OPTIONS = {
  report: { type: 'string' },
  rounds: { type: 'string' },
  size: { type: 'string' },
  seconds: { type: 'string' },
  case: { type: 'string', multiple: true },
  full: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

/** @throws UserError with the usage when the words make no sense. */
export function parseBenchOptions(args: readonly string[], names: readonly string[]): BenchOptions {
  const usage =
    `usage: npm run bench -- ${names.join('|')} [--report FILE] [--rounds N] [--size N] [--seconds N] ` +
    '[--case NAME[,NAME]] [--full]';
  const { values, positionals } = parse(args, usage);
  const [name] = positionals;
  if (name === undefined || positionals.length > 1 || !names.includes(name)) throw new UserError(usage);
  const cases = values.case?.flatMap((list) => list.split(',')).filter((word) => word !== '');
  if (cases?.length === 0) throw new UserError(usage);
  return {
    name,
    rounds: count(values.rounds, 20, usage) ?? 3,
    size: count(values.size, 2_000_000, usage),
    seconds: count(values.seconds, 60, usage),
    cases,
    full: values.full ?? false,
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

function count(text: string | undefined, most: number, usage: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new UserError(usage);
  return value;
}
