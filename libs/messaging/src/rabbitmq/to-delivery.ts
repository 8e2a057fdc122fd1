import type { Message } from 'amqplib';
import type { Delivery } from '../ports';

export function toDelivery(message: Message): Delivery {
  const properties = message.properties as { messageId?: string };
  const headers: Record<string, unknown> = message.properties.headers ?? {};
  const eventType = headers['event_type'];
  const count = headers['x-delivery-count'];
  return {
    id: properties.messageId ?? '',
    type: typeof eventType === 'string' ? eventType : message.fields.routingKey,
    body: message.content,
    headers,
    redelivered: message.fields.redelivered,
    deliveryCount: typeof count === 'number' ? count : 0,
  };
}
