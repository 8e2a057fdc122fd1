import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';

export interface PaymentMetrics {
  notification(outcome: string): void;
}

export function createPaymentMetrics(registry: Registry): PaymentMetrics {
  const notifications = new Counter({
    name: 'coupon_payment_notifications_total',
    help: 'Notifications of the payment provider: capture, decline, refund-duplicate, record (nothing changed), replay, conflict, unknown-payment, bad_signature.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  return { notification: (outcome) => notifications.inc({ outcome: outcome.replaceAll('-', '_') }) };
}
