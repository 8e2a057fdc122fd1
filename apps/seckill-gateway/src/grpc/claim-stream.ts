import type { ServerDuplexStream, handleBidiStreamingCall } from '@grpc/grpc-js';
import type { FlashSaleRequest, FlashSaleResponse } from '@coupon/contracts';
import { AppError } from '@coupon/domain';
import { authenticateCall, toGrpcError, unauthenticated } from '@coupon/service-kit';
import type { Authenticator, Identity } from '@coupon/service-kit';
import type { ClaimAnswer, ClaimReceiver, ClaimTaker } from '../use-cases/claim-answer';
import type { ClientAddresses } from '../http/client-address';
import { parseCommand, purchaseTokenOf, refusal, toResponse } from './seckill-messages';
import type { ClaimCaller } from './seckill-messages';

type Call = ServerDuplexStream<FlashSaleRequest, FlashSaleResponse>;

export interface ClaimStreamDependencies {
  readonly authenticator: Authenticator;
  readonly desk: ClaimTaker;
  readonly addresses: ClientAddresses;
  /** Aborts when the server takes no new work: open streams are answered to the end and closed then. */
  readonly draining: () => AbortSignal;
}

/** Claims of one stream under way; a client that sends on is read no further until some are answered. */
const MAX_OPEN_PER_STREAM = 1_024;
const RESUME_BELOW = MAX_OPEN_PER_STREAM / 2;

/**
 * FlashSaleCouponStream: answers in the order they are known. In a stream a refusal of any kind is a message: one bad claim must not end the
 * others.
 */
export function claimStream(
  deps: ClaimStreamDependencies,
): handleBidiStreamingCall<FlashSaleRequest, FlashSaleResponse> {
  return (call) => {
    // Authentication is once per stream; what arrives meanwhile waits in the stream's own buffer.
    call.pause();
    authenticateCall(deps.authenticator, call).then(
      (identity) => {
        new ClaimStream(deps, call, identity).start();
      },
      (error: unknown) => {
        call.emit('error', toGrpcError(error));
      },
    );
  };
}

/** One open stream. Reads only while few claims are open and the client takes its answers: both sides stay bounded. */
class ClaimStream {
  private open = 0;
  private ended = false;
  /** The client is slower than its answers. */
  private clogged = false;
  private readonly caller: ClaimCaller;

  constructor(
    private readonly deps: ClaimStreamDependencies,
    private readonly call: Call,
    identity: Identity,
  ) {
    // One token for all messages of the stream: it is for one activity and lives shortly.
    this.caller = { identity, peer: call.getPeer(), purchaseToken: purchaseTokenOf(call.metadata) };
  }

  start(): void {
    const { call, deps } = this;
    const draining = deps.draining();
    call.on('data', this.take);
    call.on('end', this.stopReading);
    call.on('drain', this.unclog);
    draining.addEventListener('abort', this.stopReading, { once: true });
    call.on('close', () => {
      draining.removeEventListener('abort', this.stopReading);
    });
    call.resume();
  }

  write(response: FlashSaleResponse): void {
    this.open -= 1;
    if (!this.call.cancelled && !this.call.write(response)) this.clogged = true;
    if (this.ended) this.finish();
    else this.readOn();
  }

  private readonly take = (request: FlashSaleRequest): void => {
    this.open += 1;
    if (this.open >= MAX_OPEN_PER_STREAM || this.clogged) this.call.pause();
    const requestId = request.requestId ?? '';
    try {
      // The token was looked at when the stream was opened; nobody buys on a stream that outlives it.
      if ((this.caller.identity.expiresMs ?? Infinity) <= Date.now()) throw unauthenticated('expired');
      this.deps.desk.claim(parseCommand(request, this.caller, this.deps.addresses), new StreamedClaim(this, requestId));
    } catch (error) {
      this.write(refusal(error, requestId));
      if (error instanceof AppError && error.code === 'UNAUTHENTICATED') this.stopReading();
    }
  };

  private readonly stopReading = (): void => {
    this.ended = true;
    this.call.removeListener('data', this.take);
    this.finish();
  };

  private readonly unclog = (): void => {
    this.clogged = false;
    this.readOn();
  };

  private readOn(): void {
    if (!this.clogged && this.open < RESUME_BELOW && this.call.isPaused()) this.call.resume();
  }

  private finish(): void {
    if (this.open === 0) this.call.end();
  }
}

class StreamedClaim implements ClaimReceiver {
  constructor(
    private readonly stream: ClaimStream,
    private readonly requestId: string,
  ) {}

  answered(answer: ClaimAnswer): void {
    this.stream.write(toResponse(answer, this.requestId));
  }
}
