import type { Channel } from 'amqplib';

const ANSWER_MS = 1_000;

/**
 * Closes a channel, in whatever state it and its connection are; never rejects. amqplib's own `close` never settles when the connection is lost
 * before the broker has answered, and a blocked connection does not even send the question.
 */
export async function closeChannel(channel: Channel): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    channel.once('close', done);
    // A channel that is closed already says so by throwing or rejecting; there is nothing left to do then.
    Promise.resolve()
      .then(() => channel.close())
      .then(done, done);
  });
}
