import { LatencyHistogram } from './latency-histogram';
import type { LatencySummary } from './latency-histogram';
import { AnswerClasses, NO_ANSWER, nameOf } from './answer-classes';
import { ANSWER_BYTES, CLAIM_ID_BYTES } from './load-plan';
import type { ResponseScanner } from './response-scanner';

const SAMPLE_EVERY = 512;
const FIRST_SAMPLED = 16;

/** What every request was answered, and how long the measured ones took. Adding an answer allocates nothing. */
export class AnswerBook {
  readonly classes = new AnswerClasses();
  sampled = 0;
  sampleMismatches = 0;
  private readonly counts = new Float64Array(256);
  private readonly measuredCounts = new Float64Array(256);
  private readonly latencies: (LatencyHistogram | undefined)[] = [];
  private readonly answers: Buffer | undefined;

  constructor(options: { readonly maxRequests: number; readonly keepAnswers: boolean }) {
    this.answers = options.keepAnswers ? Buffer.alloc(options.maxRequests * ANSWER_BYTES) : undefined;
  }

  /** The answer `scanner` has just completed. */
  add(request: number, scanner: ResponseScanner, measured: boolean, latencyMs: number): void {
    const { answerClass, bytes, claimIdAt } = scanner;
    const count = this.count(request, answerClass, measured, latencyMs);
    if (count <= FIRST_SAMPLED || request % SAMPLE_EVERY === 0) this.sample(scanner);
    if (this.answers === undefined || claimIdAt === -1) return;
    const at = request * ANSWER_BYTES + 1;
    for (let i = 0; i < CLAIM_ID_BYTES; i += 1) this.answers[at + i] = bytes[claimIdAt + i] as number;
  }

  /** An answer that somebody else has read. `code`: the bytes of its code. */
  addMessage(
    request: number,
    answer: { readonly code: Buffer; readonly replayed: boolean; readonly claimId: string },
    measured: boolean,
    latencyMs: number,
  ): void {
    const answerClass = this.classes.classOf(200, answer.code, 0, answer.code.length, answer.replayed);
    this.count(request, answerClass, measured, latencyMs);
    this.answers?.write(answer.claimId, request * ANSWER_BYTES + 1, CLAIM_ID_BYTES, 'latin1');
  }

  /** Answers by class name; `unanswered` requests are named, too, when there are any. */
  counted(unanswered: number): Record<string, number> {
    return {
      ...this.named(this.counts),
      ...(unanswered > 0 ? { [this.classes.names()[NO_ANSWER] as string]: unanswered } : {}),
    };
  }

  measured(): { answers: Record<string, number>; latency: Record<string, LatencySummary>; all: LatencySummary } {
    const names = this.classes.names();
    const all = new LatencyHistogram();
    const latency: Record<string, LatencySummary> = {};
    this.latencies.forEach((histogram, answer) => {
      if (histogram === undefined) return;
      all.add(histogram);
      latency[names[answer] as string] = histogram.summary();
    });
    return { answers: this.named(this.measuredCounts), latency, all: all.summary() };
  }

  /** One byte and a claim id for each of the first `sent` requests. */
  answersOf(sent: number): Buffer | undefined {
    return this.answers?.subarray(0, sent * ANSWER_BYTES);
  }

  private count(request: number, answer: number, measured: boolean, latencyMs: number): number {
    const count = (this.counts[answer] as number) + 1;
    this.counts[answer] = count;
    if (this.answers !== undefined) this.answers[request * ANSWER_BYTES] = answer;
    if (measured) {
      this.measuredCounts[answer] = (this.measuredCounts[answer] as number) + 1;
      (this.latencies[answer] ?? this.newLatencies(answer)).recordUs(latencyMs * 1_000);
    }
    return count;
  }

  private named(counts: Float64Array): Record<string, number> {
    const entries = this.classes.names().map((name, answer) => [name, counts[answer] as number] as const);
    return Object.fromEntries(entries.filter(([, count]) => count > 0));
  }

  private newLatencies(answer: number): LatencyHistogram {
    const created = new LatencyHistogram();
    this.latencies[answer] = created;
    return created;
  }

  /** Reads an answer the slow way and compares. */
  private sample(scanner: ResponseScanner): void {
    this.sampled += 1;
    const { bytes, bodyFrom, bodyTo, claimIdAt, answerClass } = scanner;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + bodyFrom, bodyTo - bodyFrom).toString('utf8');
    const name = this.classes.names()[answerClass];
    let read: { code?: unknown; replayed?: unknown; claim_id?: unknown } = {};
    try {
      read = JSON.parse(text) as typeof read;
    } catch {
      this.sampleMismatches += 1;
      return;
    }
    const code = typeof read.code === 'string' ? read.code : '';
    const claimId =
      claimIdAt === -1 ? undefined : Buffer.from(bytes.subarray(claimIdAt, claimIdAt + CLAIM_ID_BYTES)).toString();
    if (name !== nameOf(scanner.status, code, read.replayed === true) || read.claim_id !== claimId)
      this.sampleMismatches += 1;
  }
}
