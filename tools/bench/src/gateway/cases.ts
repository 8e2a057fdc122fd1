import type { Durability } from './claim-store';

/**
 * What the buyers of a run do.
 * - accepted: every request is of another user and wins
 * - sold-out: every request is of another user, nothing is left
 * - mixed: every request is of another user, stock for one in ten
 * - duplicates: winners click again, without a key
 * - over-limit: users who hold all they may try again, each time with a new key
 * - passes: the same users in one activity after the other, every claim wins
 */
export type Mix = 'accepted' | 'sold-out' | 'mixed' | 'duplicates' | 'over-limit' | 'passes';

export interface GatewaySettings {
  readonly auth: 'none' | 'hs256' | 'rs256';
  /** Limits per user, and of the instance far above what is offered: they decide every claim and refuse none. */
  readonly limits: boolean;
}

export interface GatewaySubject {
  /** Key of its figures in the report. */
  readonly name: string;
  readonly kind: 'gateway';
  readonly settings: GatewaySettings;
  readonly mix: Mix;
  /** True: a gateway that has not seen a token yet. */
  readonly fresh: boolean;
}

export type Subject = { readonly name: string; readonly kind: 'floor' } | GatewaySubject;

/** Subjects that are measured one after the other in every round; each is compared with the first. */
export interface BenchCase {
  readonly name: string;
  readonly about: string;
  readonly connections: number;
  readonly durability: Durability;
  readonly subjects: readonly Subject[];
}

const PLAIN: GatewaySettings = { auth: 'none', limits: false };
const CONNECTIONS = 128;

export const FSYNC_CONNECTIONS = [64, 128, 200] as const;

function againstFloor(
  name: string,
  about: string,
  mix: Mix,
  connections: number = CONNECTIONS,
  durability: Durability = 'fsync',
): BenchCase {
  return {
    name,
    about,
    connections,
    durability,
    subjects: [
      { name: 'floor', kind: 'floor' },
      { name, kind: 'gateway', settings: PLAIN, mix, fresh: false },
    ],
  };
}

function subject(name: string, settings: GatewaySettings, mix: Mix, fresh: boolean): GatewaySubject {
  return { name, kind: 'gateway', settings, mix, fresh };
}

export const BENCH_CASES: readonly BenchCase[] = [
  {
    name: 'floor',
    about: 'the floor alone',
    connections: CONNECTIONS,
    durability: 'fsync',
    subjects: [{ name: 'floor', kind: 'floor' }],
  },
  ...FSYNC_CONNECTIONS.map((n) =>
    againstFloor(`fsync-${n}`, `every claim wins, on disk, ${n} connections`, 'accepted', n),
  ),
  againstFloor('low', 'every claim wins, on disk, 10 connections', 'accepted', 10),
  againstFloor('memory', 'every claim wins, no append-only file', 'accepted', CONNECTIONS, 'memory'),
  againstFloor('sold-out', 'nothing is left', 'sold-out'),
  againstFloor('duplicates', 'winners click again', 'duplicates'),
  againstFloor('mixed', 'stock for one in ten', 'mixed'),
  againstFloor('over-limit', 'users at their limit try again with new keys', 'over-limit'),
  {
    name: 'limits',
    about: 'limits and warm HS256 tokens against neither',
    connections: CONNECTIONS,
    durability: 'fsync',
    subjects: [
      subject('limits-off', PLAIN, 'passes', false),
      subject('limits-warm-hs256', { auth: 'hs256', limits: true }, 'passes', false),
    ],
  },
  {
    name: 'cold',
    about: 'every request a new token, against none',
    connections: CONNECTIONS,
    durability: 'fsync',
    subjects: [
      subject('cold-off', PLAIN, 'accepted', true),
      subject('cold-hs256', { auth: 'hs256', limits: false }, 'accepted', true),
      subject('cold-rs256', { auth: 'rs256', limits: false }, 'accepted', true),
    ],
  },
];

/** Cases of their own: no floor, one run each. */
export const SINGLE_CASES = ['overload', 'million'] as const;
export type SingleCase = (typeof SINGLE_CASES)[number];

/** Left out of a quick run. */
const NOT_QUICK: ReadonlySet<string> = new Set(['floor', ...SINGLE_CASES]);

export const GATEWAY_CASE_NAMES: readonly string[] = [...BENCH_CASES.map(({ name }) => name), ...SINGLE_CASES];

/** `fsync` stands for all of its numbers of connections. @returns undefined when a name is not known. */
export function chooseCases(wanted: readonly string[] | undefined, full: boolean): string[] | undefined {
  if (wanted === undefined)
    return GATEWAY_CASE_NAMES.filter((name) => (full ? name !== 'floor' : !NOT_QUICK.has(name)));
  const chosen = wanted.map((word) =>
    GATEWAY_CASE_NAMES.filter((name) => name === word || name.startsWith(`${word}-`)),
  );
  if (chosen.some((names) => names.length === 0)) return undefined;
  return [...new Set(chosen.flat())];
}
