import { z } from 'zod';

// Parts of the schemas by which values are read from L2 again. What does not fit is a miss: an entry of another release, or of nobody.

export const ms = z.int();
export const count = z.int().min(0);
export const minor = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);

/** Text of a branded type, or a number of a closed set: checked where it was written. */
export const id = <T extends string>(): z.ZodType<T> => z.string().min(1) as unknown as z.ZodType<T>;
export const code = <T extends number>(): z.ZodType<T> => z.int().min(0).max(127) as unknown as z.ZodType<T>;
export const word = <T extends string>(): z.ZodType<T> => z.string() as unknown as z.ZodType<T>;

/** BigInt is what JSON cannot carry; as decimal text it comes back exactly. */
export function withTextForBigInts(value: object): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, typeof part === 'bigint' ? String(part) : (part as unknown)]),
  );
}
