/**
 * Reads HTTP/1.1 answers of one connection from byte chunks: status line, Content-Length, body, and in the body the code of the answer. No
 * text is made and no JSON parsed per answer. Guarantees: the same answer however the bytes are split; whatever is not a plain answer with
 * a Content-Length, or is longer than announced, is an error, never a guess.
 */
import type { AnswerClasses } from './answer-classes';

const MAX_ANSWER_BYTES = 64 * 1024;
const CR = 13;
const LF = 10;
const COLON = 58;
const QUOTE = 34;
const BACKSLASH = 92;

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const STATUS_LINE = bytes('HTTP/1.1 ');
const CONTENT_LENGTH = bytes('content-length');
const TRANSFER_ENCODING = bytes('transfer-encoding');
const CODE = bytes('"code":"');
const CLAIM_ID = bytes('"claim_id":"');
const REPLAYED = bytes('"replayed":true');

export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

export class ResponseScanner {
  /** Class of the answer that `push` has completed. */
  answerClass = 0;
  status = 0;
  /** Where its claim id begins in `bytes`, or -1. */
  claimIdAt = -1;
  /** Where the bytes of the last answer are: in the chunk given, or in a buffer of this scanner. Valid until the next `push`. */
  bytes: Uint8Array = new Uint8Array(0);
  bodyFrom = 0;
  bodyTo = 0;

  private kept: Buffer | undefined;
  private keptLength = 0;

  constructor(private readonly classes: AnswerClasses) {}

  /**
   * Takes the bytes 0..length of `chunk`. @returns true when they complete an answer.
   * @throws AnswerError when they are no plain answer, or when bytes follow an answer nobody has asked for.
   */
  push(chunk: Uint8Array, length: number): boolean {
    if (this.keptLength === 0) {
      if (this.scan(chunk, length)) return true;
      this.keep(chunk, length);
      return false;
    }
    const all = this.keep(chunk, length);
    if (!this.scan(all, this.keptLength)) return false;
    this.keptLength = 0;
    return true;
  }

  /** A connection that ends in the middle of an answer has lost it. */
  get isInsideAnswer(): boolean {
    return this.keptLength > 0;
  }

  private keep(chunk: Uint8Array, length: number): Buffer {
    const needed = this.keptLength + length;
    if (needed > MAX_ANSWER_BYTES) throw new AnswerError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    if (this.kept === undefined || this.kept.length < needed) {
      const larger = Buffer.allocUnsafe(Math.max(2_048, 2 * needed));
      this.kept?.copy(larger, 0, 0, this.keptLength);
      this.kept = larger;
    }
    this.kept.set(chunk.subarray(0, length), this.keptLength);
    this.keptLength = needed;
    return this.kept;
  }

  /** @returns false when more bytes are needed. */
  private scan(data: Uint8Array, length: number): boolean {
    const body = this.scanHead(data, length);
    if (body === -1) return false;
    if (this.bodyTo > length) return false;
    if (this.bodyTo < length) throw new AnswerError('bytes follow the answer');
    this.bytes = data;
    this.bodyFrom = body;
    this.classify(data, body, this.bodyTo);
    return true;
  }

  /** Sets status and end of the body. @returns where the body begins, -1 when the head is not complete. */
  private scanHead(data: Uint8Array, length: number): number {
    if (length < 13) return -1;
    if (!matches(data, 0, STATUS_LINE)) throw new AnswerError('not an HTTP/1.1 status line');
    this.status = digit(data, 9) * 100 + digit(data, 10) * 10 + digit(data, 11);
    let at = endOfLine(data, 12, length);
    let contentLength = -1;
    for (;;) {
      if (at === -1 || at >= length) return -1;
      if (data[at] === CR) {
        if (at + 1 >= length) return -1;
        if (contentLength === -1) throw new AnswerError('an answer without Content-Length');
        this.bodyTo = at + 2 + contentLength;
        return at + 2;
      }
      const next = endOfLine(data, at, length);
      if (next === -1) return -1;
      if (data[at + 14] === COLON && matchesFolded(data, at, CONTENT_LENGTH)) {
        contentLength = numberAt(data, at + 15, next - 2);
      } else if (data[at + 17] === COLON && matchesFolded(data, at, TRANSFER_ENCODING)) {
        throw new AnswerError('an answer with Transfer-Encoding');
      }
      at = next;
    }
  }

  private classify(data: Uint8Array, from: number, to: number): void {
    const code = find(data, from, to, CODE);
    let codeTo = code;
    if (code !== -1) {
      while (codeTo < to && data[codeTo] !== QUOTE && data[codeTo] !== BACKSLASH) codeTo += 1;
    }
    this.claimIdAt = -1;
    let replayed = false;
    if (this.status === 200) {
      this.claimIdAt = find(data, from, to, CLAIM_ID);
      replayed = find(data, Math.max(from, to - 64), to, REPLAYED) !== -1;
    }
    this.answerClass = this.classes.classOf(
      this.status,
      data,
      code === -1 ? 0 : code,
      code === -1 ? 0 : codeTo,
      replayed,
    );
  }
}

function matches(data: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i += 1) if (data[at + i] !== wanted[i]) return false;
  return true;
}

/** Header names come in either case. */
function matchesFolded(data: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i += 1) {
    const byte = data[at + i] as number;
    if ((byte >= 65 && byte <= 90 ? byte + 32 : byte) !== wanted[i]) return false;
  }
  return true;
}

function digit(data: Uint8Array, at: number): number {
  const value = (data[at] as number) - 48;
  if (value < 0 || value > 9) throw new AnswerError('not a status');
  return value;
}

/** @returns where the next line begins, -1 when this one has not ended. */
function endOfLine(data: Uint8Array, from: number, length: number): number {
  for (let at = from; at + 1 < length; at += 1) {
    if (data[at] === CR) {
      if (data[at + 1] !== LF) throw new AnswerError('a line that does not end in CRLF');
      return at + 2;
    }
  }
  return -1;
}

function numberAt(data: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && data[at] === 32) at += 1;
  if (at === to) throw new AnswerError('an empty Content-Length');
  let value = 0;
  for (; at < to; at += 1) {
    const next = (data[at] as number) - 48;
    if (next < 0 || next > 9) throw new AnswerError('not a Content-Length');
    value = value * 10 + next;
    if (value > MAX_ANSWER_BYTES) throw new AnswerError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
  }
  return value;
}

/** @returns the position after `wanted`, or -1. Each pattern begins with the only quote that can begin it. */
function find(data: Uint8Array, from: number, to: number, wanted: Uint8Array): number {
  const last = to - wanted.length;
  for (let at = from; at <= last; at += 1) {
    if (data[at] === QUOTE && data[at + 1] === wanted[1] && matches(data, at, wanted)) return at + wanted.length;
  }
  return -1;
}
