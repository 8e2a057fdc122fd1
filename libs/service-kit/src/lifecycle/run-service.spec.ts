import { EventEmitter } from 'node:events';
import { systemClock } from '../clock';
import { ConfigError } from '../config/load-config';
import { createLogger } from '../logging/create-logger';
import { createLifecycle } from './lifecycle';
import type { Component, Lifecycle } from './lifecycle';
import { installSignalHandlers, runService } from './run-service';
import type { ProcessLike } from './run-service';

function fakeProcess(): ProcessLike & EventEmitter & { codes: number[]; text: string } {
  const fake = Object.assign(new EventEmitter(), {
    codes: [] as number[],
    text: '',
    exit: (code: number) => {
      fake.codes.push(code);
    },
    stderr: {
      write: (text: string) => {
        fake.text += text;
      },
    },
  });
  return fake;
}

function lifecycleOf(...components: Component[]): Lifecycle {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const lifecycle = createLifecycle({ logger, deadlineMs: 60_000, clock: systemClock });
  components.forEach((component) => {
    lifecycle.register(component);
  });
  return lifecycle;
}

const never = (): Promise<void> => new Promise(() => undefined);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('runService', () => {
  it('runs until SIGTERM and exits with 0', async () => {
    const target = fakeProcess();
    const lifecycle = lifecycleOf();
    const running = runService(() => lifecycle, target);
    await turn();
    expect(lifecycle.state).toBe('RUNNING');
    target.emit('SIGTERM');
    await running;
    expect(target.codes).toEqual([0]);
    expect(target.listenerCount('SIGTERM')).toBe(0);
  });

  it('exits with 1 and all configuration problems in one line', async () => {
    const target = fakeProcess();
    await runService(() => {
      throw new ConfigError([
        { variable: 'MYSQL_URL', message: 'is required' },
        { variable: 'HTTP_PORT', message: 'must be a port' },
      ]);
    }, target);
    expect(target.codes).toEqual([1]);
    expect(target.text).toBe('invalid configuration: MYSQL_URL is required; HTTP_PORT must be a port\n');
  });

  it('exits with 1 and the reason when a component does not start, without showing credentials', async () => {
    const target = fakeProcess();
    const lifecycle = lifecycleOf({
      name: 'mysql',
      start: () => Promise.reject(new Error('cannot reach mysql://root:hunter2@db\nat line 2')),
    });
    await runService(() => lifecycle, target);
    expect(target.codes).toEqual([1]);
    expect(target.text).toBe('mysql did not start: cannot reach mysql://***@db at line 2\n');
  });

  it('exits with 1 after a second SIGTERM, but takes one delivered twice for one', async () => {
    const target = fakeProcess();
    const lifecycle = lifecycleOf({ name: 'http', drain: never });
    let nowMs = 0;
    const running = runService(() => lifecycle, target, { ...systemClock, nowMs: () => nowMs });
    await turn();
    target.emit('SIGTERM');
    nowMs = 99;
    target.emit('SIGTERM');
    await turn();
    expect(target.codes).toEqual([]);
    nowMs = 100;
    target.emit('SIGTERM');
    await running;
    expect(target.codes).toEqual([1]);
    expect(target.text).toContain('second SIGTERM');
  });

  it('ends the process at once, with the stack, on an exception nobody caught', async () => {
    const target = fakeProcess();
    void runService(() => lifecycleOf(), target);
    await turn();
    target.emit('uncaughtException', new Error('bug'));
    expect(target.codes).toEqual([1]);
    expect(target.text).toMatch(/^Error: bug\n +at /);
  });
});

describe('installSignalHandlers', () => {
  it('returns a function that removes the handlers', () => {
    const target = fakeProcess();
    const remove = installSignalHandlers(lifecycleOf(), target);
    expect(target.listenerCount('SIGINT')).toBe(1);
    remove();
    expect(target.listenerCount('SIGINT') + target.listenerCount('SIGTERM')).toBe(0);
  });
});
