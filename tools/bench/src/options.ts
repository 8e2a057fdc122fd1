import { parseArgs } from 'node:util';
import { UserError } from '@coupon/platform';

export interface BenchOptions {
  readonly name: string;
  readonly rounds: number;
  /** Events, requests or whatever the subject counts, per round. */
  readonly size: number;
  readonly reportFile: string | undefined;
}

const DEFAULT_SIZE = 200_000;

/** @throws UserError with the usage when the words make no sense. */
export function parseBenchOptions(args: readonly string[], names: readonly string[]): BenchOptions {
  const usage = `usage: npm run bench -- ${names.join('|')} [--report FILE] [--rounds N] [--size N]`;
  const { values, positionals } = parse(args, usage);
  const [name] = positionals;
  if (name === undefined || positionals.length > 1 || !names.includes(name)) throw new UserError(usage);
  return {
    name,
    rounds: count(values.rounds, 3, 20, usage),
    size: count(values.size, DEFAULT_SIZE, 2_000_000, usage),
    reportFile: values.report,
  };
}

function parse(
  args: readonly string[],
  usage: string,
): {
  values: { report?: string | undefined; rounds?: string | undefined; size?: string | undefined };
  positionals: string[];
} {
  try {
    const options = { report: { type: 'string' }, rounds: { type: 'string' }, size: { type: 'string' } } as const;
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function count(text: string | undefined, fallback: number, most: number, usage: string): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new UserError(usage);
  return value;
}
