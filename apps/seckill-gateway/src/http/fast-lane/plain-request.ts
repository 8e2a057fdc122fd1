/**
 * The plain form of a hot request, read strictly: exact request line, one Host, one Content-Length, `Connection: keep-alive` or none, no
 * other framing, printable ASCII. Whatever differs is not wrong, only not plain: node:http decides about it. Nothing is normalised here, so
 * there is nothing the two could read differently.
 */

export interface PlainHead {
  /** Bytes of the body, 1 to MAX_BODY_BYTES. */
  readonly contentLength: number;
  readonly contentType: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly authorization: string | undefined;
  readonly purchaseToken: string | undefined;
  readonly forwardedFor: string | undefined;
}

export const MAX_HEAD_BYTES = 8 * 1024;
export const MAX_BODY_BYTES = 4 * 1024;
/** node:http has a limit of its own, by thousands; no client of ours sends a hundred. */
const MAX_HEADERS = 100;

/** Header lines without spaces around the value: name ":" optional space, value, CRLF. */
const HEADER_LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?(?:[!-~](?:[ -~]*[!-~])?)?\r\n)+$/;
const LENGTH = /^[1-9]\d{0,4}$/;

/** Headers that change how a request or its answer is framed. */
const FRAMING = new Set([
  'te',
  'expect',
  'trailer',
  'upgrade',
  'keep-alive',
  'http2-settings',
  'proxy-connection',
  'transfer-encoding',
]);
const LONGEST_NAME = 17;

type Name = Exclude<keyof PlainHead, 'contentLength'> | 'contentLength' | 'host' | 'connection';

const NAMES = new Map<string, Name>([
  ['host', 'host'],
  ['connection', 'connection'],
  ['content-length', 'contentLength'],
  ['content-type', 'contentType'],
  ['idempotency-key', 'idempotencyKey'],
  ['authorization', 'authorization'],
  ['x-purchase-token', 'purchaseToken'],
  ['x-forwarded-for', 'forwardedFor'],
]);
/** Most headers are decided by the length of their name alone. */
const KNOWN_LENGTHS = new Set([...NAMES.keys(), ...FRAMING].map((name) => name.length));

/**
 * @param lines the header lines behind the request line, up to and with the CRLF of the last one, as Latin-1 text
 * @returns undefined when they are not plain
 */
export function parsePlainHead(lines: string): PlainHead | undefined {
  if (!HEADER_LINES.test(lines)) return undefined;
  const seen: Partial<Record<Name, string>> = {};
  let at = 0;
  for (let count = 0; at < lines.length; count += 1) {
    if (count === MAX_HEADERS) return undefined;
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r\n', colon);
    const length = colon - at;
    if (length <= LONGEST_NAME && KNOWN_LENGTHS.has(length)) {
      const text = lines.slice(at, colon).toLowerCase();
      if (FRAMING.has(text)) return undefined;
      const name = NAMES.get(text);
      if (name !== undefined) {
        if (seen[name] !== undefined) return undefined;
        seen[name] = lines.slice(lines.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1, end);
      }
    }
    at = end + 2;
  }
  return assemble(seen);
}

function assemble(seen: Partial<Record<Name, string>>): PlainHead | undefined {
  const { host, connection, contentLength, contentType, idempotencyKey, authorization, purchaseToken, forwardedFor } =
    seen;
  if (host === undefined || host === '' || contentLength === undefined || !LENGTH.test(contentLength)) return undefined;
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'Keep-Alive') return undefined;
  const length = Number(contentLength);
  if (length > MAX_BODY_BYTES) return undefined;
  return { contentLength: length, contentType, idempotencyKey, authorization, purchaseToken, forwardedFor };
}
