export type {
  BatchHandler,
  ChannelStatus,
  Delivery,
  DeliveryBatch,
  EventConsumer,
  EventPublisher,
  MessagingLogger,
  OutgoingMessage,
  PublishResult,
  QueueInspector,
} from './ports';
export { backoffDelayMs } from './backoff';
export type { BackoffOptions } from './backoff';
export { AmqpConnection } from './rabbitmq/amqp-connection';
export type { AmqpConnectionOptions } from './rabbitmq/amqp-connection';
export { RabbitMqConsumer } from './rabbitmq/rabbitmq-consumer';
export type { RabbitMqConsumerOptions } from './rabbitmq/rabbitmq-consumer';
export { QueueContinuity } from './rabbitmq/queue-continuity';
export { RabbitMqPublisher } from './rabbitmq/rabbitmq-publisher';
export type { RabbitMqPublisherOptions } from './rabbitmq/rabbitmq-publisher';
export { RabbitMqQueueInspector } from './rabbitmq/rabbitmq-queue-inspector';
export { RabbitMqSubscriber } from './rabbitmq/rabbitmq-subscriber';
export type { RabbitMqSubscriberOptions } from './rabbitmq/rabbitmq-subscriber';
export { binlogTopology } from './rabbitmq/binlog-topology';
export { deadLetterQueueOf, declareTopology, workQueueTopology } from './rabbitmq/topology';
export type { QueueDeclaration, Topology, WorkQueue } from './rabbitmq/topology';
