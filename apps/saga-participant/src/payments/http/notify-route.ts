import type { Request, Response } from 'express';
import { AppError, InvalidArgumentError } from '@coupon/domain';
import { rawRoute, validate } from '@coupon/service-kit';
import type { Logger, Route } from '@coupon/service-kit';
import { z } from 'zod';
import type { PaymentMetrics } from '../payment-metrics';
import { serialNumber } from '../payment';
import type { PaymentNotification } from '../notification';
import type { RecordNotification, RecordedNotification } from '../use-cases/record-notification.use-case';
import { isSignedBy } from './webhook-signature';

const parametersSchema = z.object({ payment_sn: serialNumber });
const bodySchema = z.strictObject({
  status: z.enum(['succeeded', 'failed'], 'must be succeeded or failed'),
  provider_ref: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters without spaces'),
});

export interface NotifyRouteOptions {
  readonly recordNotification: Pick<RecordNotification, 'execute'>;
  readonly secret: string;
  readonly metrics: PaymentMetrics;
  readonly logger: Logger;
  /** Called after the commit of what the arbiter has decided on. */
  readonly onDecided: (orderSn: string) => void;
}

/** `POST /api/v1/payments/{payment_sn}/notify`: the provider's callback. Nothing of the body is looked at before its signature. */
export function notifyRoute(options: NotifyRouteOptions): Route {
  const { recordNotification, secret, metrics, onDecided } = options;
  return rawRoute('post', '/api/v1/payments/:payment_sn/notify', async (request: Request, response: Response) => {
    const body = request.body as Buffer;
    if (!isSignedBy(secret, body, request.get('x-signature'))) {
      metrics.notification('bad_signature');
      throw new AppError('UNAUTHENTICATED', 'X-Signature: must be sha256= and the HMAC-SHA256 of the body', {
        details: { field: 'X-Signature' },
      });
    }
    const notification = readNotification(request.params, body);
    const recorded = await recordNotification.execute(notification);
    report(options, notification, recorded);
    if (recorded.kind !== 'recorded') throw refusal(recorded);
    if (recorded.effect === 'capture' || recorded.effect === 'decline') onDecided(recorded.orderSn);
    response.json({
      success: true,
      payment_sn: notification.paymentSn,
      order_sn: recorded.orderSn,
      status: recorded.status,
      replayed: recorded.effect === 'replay',
    });
  });
}

function readNotification(parameters: unknown, body: Buffer): PaymentNotification {
  const { payment_sn: paymentSn } = validate(parametersSchema, parameters, 'path');
  const { status, provider_ref: providerRef } = validate(bodySchema, parseJson(body));
  return { paymentSn, status, providerRef };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw InvalidArgumentError.of('body', 'is not valid JSON');
  }
}

function refusal(refused: Exclude<RecordedNotification, { kind: 'recorded' }>): AppError {
  if (refused.kind === 'unknown-payment') {
    return new AppError('NOT_FOUND', 'payment_sn: there is no such payment', { details: { field: 'payment_sn' } });
  }
  return refused.reason === 'reference'
    ? new AppError('CONFLICT', 'provider_ref: was used for another notification', {
        details: { field: 'provider_ref' },
      })
    : new AppError('CONFLICT', 'payment_sn: nothing is to be paid', { details: { field: 'payment_sn' } });
}

/** Signed messages that cannot be right are money somebody has to look for. */
function report(
  { metrics, logger }: NotifyRouteOptions,
  { paymentSn, status }: PaymentNotification,
  recorded: RecordedNotification,
): void {
  const outcome = recorded.kind === 'recorded' ? recorded.effect : recorded.kind;
  metrics.notification(outcome);
  if (recorded.kind !== 'recorded') {
    const reason = recorded.kind === 'conflict' ? recorded.reason : recorded.kind;
    logger.warn({ payment_sn: paymentSn, status, reason }, 'a signed payment notification was refused');
  } else if (recorded.effect === 'refund-duplicate') {
    logger.warn({ payment_sn: paymentSn, order_sn: recorded.orderSn }, 'a second capture is given back');
  }
}
