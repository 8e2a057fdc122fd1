import { InvalidArgumentError, parseId, parseMoney } from '@coupon/domain';
import type { FieldViolation } from '@coupon/domain';
import { isRecord } from '../rules/rule-args';

const MIN_INT32 = -2_147_483_648;
const MAX_INT32 = 2_147_483_647;
const MAX_IDS = 1_000;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,3})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Reads the fields of one JSON object and remembers everything that is wrong, by its path. An absent field is undefined. */
export class FieldReader {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #violations: FieldViolation[];

  constructor(value: unknown, path: string, violations: FieldViolation[]) {
    this.#path = path;
    this.#violations = violations;
    this.#value = isRecord(value) ? value : {};
    if (!isRecord(value)) violations.push({ field: path === '' ? 'body' : path, message: 'must be an object' });
  }

  raw(name: string): unknown {
    return this.#value[name];
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined;
  }

  money(name: string): bigint {
    return this.#read(name, 0n, (value, path) => parseMoney(value, path));
  }

  id(name: string): string {
    return this.#read<string>(name, '0', (value, path) => parseId(value, path));
  }

  integer(name: string, min = MIN_INT32, max = MAX_INT32): number {
    return this.#read(name, 0, (value, path) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
      throw InvalidArgumentError.of(path, `must be a whole number from ${min} to ${max}`);
    });
  }

  boolean(name: string): boolean {
    return this.#read(name, false, (value, path) => {
      if (typeof value === 'boolean') return value;
      throw InvalidArgumentError.of(path, 'must be true or false');
    });
  }

  text(name: string, max: number): string {
    return this.#read(name, '', (value, path) => {
      if (typeof value === 'string' && value.length >= 1 && value.length <= max) return value;
      throw InvalidArgumentError.of(path, `must be a text of 1 to ${max} characters`);
    });
  }

  /** Epoch milliseconds. */
  time(name: string): number {
    return this.#read(name, 0, (value, path) => {
      const ms = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : NaN;
      if (!Number.isNaN(ms)) return ms;
      throw InvalidArgumentError.of(path, 'must be an RFC 3339 time such as 2026-11-21T12:00:00Z');
    });
  }

  list(name: string): readonly unknown[] {
    return this.#read<readonly unknown[]>(name, [], (value, path) => {
      if (Array.isArray(value)) return value;
      throw InvalidArgumentError.of(path, value === undefined ? 'is required' : 'must be a list');
    });
  }

  ids(name: string): readonly string[] {
    const ids = this.list(name);
    if (ids.length > MAX_IDS) this.#refuse(name, `must have at most ${MAX_IDS} ids`);
    return ids.slice(0, MAX_IDS).map((id, index) => {
      return this.#guard<string>('0', () => parseId(id, `${this.#pathOf(name)}[${index}]`));
    });
  }

  #refuse(name: string, message: string): void {
    this.#violations.push({ field: this.#pathOf(name), message });
  }

  #read<T>(name: string, instead: T, parse: (value: unknown, path: string) => T): T {
    return this.#guard(instead, () => parse(this.#value[name], this.#pathOf(name)));
  }

  #guard<T>(instead: T, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      this.#violations.push(...error.violations);
      return instead;
    }
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}
