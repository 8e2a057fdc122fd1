import { childTrace, formatTraceparent, parseTraceparent } from './traceparent';

const HEADER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('traceparent', () => {
  it('reads and writes the header', () => {
    const context = parseTraceparent(HEADER);
    expect(context).toEqual({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true });
    expect(context && formatTraceparent(context)).toBe(HEADER);
  });

  it.each([
    undefined,
    '',
    'x',
    HEADER.toUpperCase(),
    HEADER.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  ])('takes %p for no trace', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it('continues the trace of the parent with a span of its own, or starts one', () => {
    const bytes = (size: number): Uint8Array => new Uint8Array(size).fill(0xab);
    expect(childTrace(parseTraceparent(HEADER), bytes)).toEqual({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'ab'.repeat(8),
      sampled: true,
    });
    expect(childTrace(undefined, bytes).traceId).toBe('ab'.repeat(16));
    expect(childTrace(undefined, (size) => new Uint8Array(size)).spanId).toBe('0000000000000001');
  });
});
