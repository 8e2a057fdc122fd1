/** How a value is written for L2 and read again. Both must be exact: `decode(encode(v))` is what every reader gets, whatever the level. */
export interface Codec<V> {
  /** Raised whenever older readers could not read what is written; 0 to 999,999. */
  readonly version: number;
  encode(value: V): string;
  /** Deeply frozen, for it is shared by all readers. @throws whatever it likes for a text it cannot read */
  decode(text: string): V;
}

export interface JsonCodecOptions<V> {
  readonly version: number;
  /** What JSON.parse made of the text, to a value; throws when it is none. */
  readonly parse: (json: unknown) => V;
  /** The value, to something that JSON can carry. @default the value itself */
  readonly toJson?: (value: V) => unknown;
}

export function jsonCodec<V>({ version, parse, toJson }: JsonCodecOptions<V>): Codec<V> {
  return Object.freeze({
    version,
    encode: (value: V): string => {
      const text = JSON.stringify(toJson === undefined ? value : toJson(value)) as string | undefined;
      if (text === undefined) throw new TypeError('a value that JSON cannot carry');
      return text;
    },
    decode: (text: string): V => deepFreeze(parse(JSON.parse(text))),
  });
}

/** Freezes plain data: objects and arrays, all the way down. Instances of classes with state of their own are for the caller. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
