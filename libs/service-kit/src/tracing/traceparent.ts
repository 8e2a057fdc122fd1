/** W3C trace context, version 00. @see https://www.w3.org/TR/trace-context/#traceparent-header */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** `undefined` for a header that is missing or malformed: the receiver starts a trace of its own then. */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** The next span of `parent`'s trace, or the first of a new one. `randomBytes` arrives by argument. */
export function childTrace(parent: TraceContext | undefined, randomBytes: (size: number) => Uint8Array): TraceContext {
  return {
    traceId: parent?.traceId ?? hex(randomBytes, 16),
    spanId: hex(randomBytes, 8),
    sampled: parent?.sampled ?? true,
  };
}

function hex(randomBytes: (size: number) => Uint8Array, size: number): string {
  const text = Buffer.from(randomBytes(size)).toString('hex');
  // All zero means "no id" in the standard.
  return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text;
}
