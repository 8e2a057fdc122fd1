import type { Prisma } from '../generated/client';

/** The raw statements of a Prisma client or transaction, with its values: BigInt, Decimal, Date, parsed JSON, Uint8Array, null. */
export interface RawStatements {
  $queryRaw<T = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<T>;
  /** @returns rows that matched */
  $executeRaw(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
  /** @returns rows that matched */
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>;
}
