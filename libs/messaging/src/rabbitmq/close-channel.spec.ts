import { EventEmitter } from 'node:events';
import type { Channel } from 'amqplib';
import { closeChannel } from './close-channel';

function channelThat(close: () => Promise<void>): Channel {
  return Object.assign(new EventEmitter(), { close }) as unknown as Channel;
}

describe('closeChannel', () => {
  it('ends when the connection is lost before the broker has answered', async () => {
    const channel = channelThat(() => new Promise(() => undefined));
    const closing = closeChannel(channel);
    channel.emit('close');
    await closing;
  });

  it('ends for a channel that is closed already', async () => {
    await closeChannel(
      channelThat(() => {
        throw new Error('Channel closed');
      }),
    );
    await closeChannel(channelThat(() => Promise.reject(new Error('Channel closed'))));
  });

  it('does not wait for ever for an answer', async () => {
    const startedMs = performance.now();
    await closeChannel(channelThat(() => new Promise(() => undefined)));
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });
});
