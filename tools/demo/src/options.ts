import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '@coupon/platform';

export interface DemoOptions {
  readonly buyers: number;
  /** Coupons of the sale. */
  readonly stock: number;
  /** Winners who then check out; 0: nobody, and neither DTM nor saga-participant is started. */
  readonly checkouts: number;
  readonly seed: number;
  /** Leave everything running at the end. */
  readonly keep: boolean;
  readonly auth: 'none' | 'jwt';
  readonly reportFile: string | undefined;
}

const USAGE = [
  'usage: npm run demo -- [--buyers N] [--stock N] [--checkouts N] [--seed S] [--report FILE] [--keep]',
  '                           [--auth none|jwt]',
  '  --buyers  people who click, default 20000      --stock  coupons, default 5000',
  '  --seed    of the order of the clicks, default 1  --report FILE  the report as JSON',
  '  --checkouts  winners who then check out, default 500; 0 leaves that part and its services out',
  '  --keep    leave everything running',
].join('\n');

const MOST_BUYERS = 1_000_000;
const MOST_CHECKOUTS = 100_000;

/** @throws UserError that shows the usage. */
export function parseDemoOptions(args: readonly string[], workingDirectory: string): DemoOptions {
  const values = parse(args);
  if (values.auth !== 'none' && values.auth !== 'jwt') throw new UserError(`--auth must be none or jwt\n${USAGE}`);
  return {
    buyers: wholeNumber('--buyers', values.buyers, 1, MOST_BUYERS),
    stock: wholeNumber('--stock', values.stock, 1, MOST_BUYERS),
    checkouts: wholeNumber('--checkouts', values.checkouts, 0, MOST_CHECKOUTS),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 32 - 1),
    keep: values.keep,
    auth: values.auth,
    reportFile: values.report === undefined ? undefined : resolve(workingDirectory, values.report),
  };
}

interface RawValues {
  readonly buyers: string;
  readonly stock: string;
  readonly checkouts: string;
  readonly seed: string;
  readonly keep: boolean;
  readonly auth: string;
  readonly report?: string | undefined;
}

function parse(args: readonly string[]): RawValues {
  try {
    return parseArgs({
      args: [...args],
      options: {
        buyers: { type: 'string', default: '20000' },
        stock: { type: 'string', default: '5000' },
        checkouts: { type: 'string', default: '500' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'boolean', default: false },
        auth: { type: 'string', default: 'none' },
        report: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UserError(`${name} must be a whole number from ${min} to ${max}, not ${text}\n${USAGE}`);
}
