import { eventually, seededRandom } from '@coupon/testing';
import { eventLoopDelay } from './event-loop-delay';
import { LoadSensor } from './load-sensor';

function aSensor(options = {}) {
  const world = { delayMs: 0, queue: 0, nowMs: 0 };
  const sensor = new LoadSensor(
    {
      eventLoop: { readMs: () => world.delayMs, close: () => undefined },
      queueLoad: () => world.queue,
      nowMs: () => world.nowMs,
    },
    options,
  );
  /** Long enough for the smoothed value to be the current one. */
  const settleAt = (load: { delayMs?: number; queue?: number }): void => {
    Object.assign(world, load);
    for (let i = 0; i < 600; i += 1) {
      world.nowMs += 100;
      sensor.sample();
    }
  };
  return { sensor, world, settleAt };
}

describe('LoadSensor', () => {
  it('sheds nothing up to the threshold, everything at capacity, and evenly more in between', () => {
    for (const [queue, share] of [
      [0, 0],
      [0.8, 0],
      [0.85, 0.25],
      [0.9, 0.5],
      [1, 1],
      [1.5, 1],
    ] as const) {
      const { sensor, settleAt } = aSensor();
      settleAt({ queue });
      expect(sensor.shedShare).toBeCloseTo(share, 6);
    }
  });

  it('goes by the larger of event-loop delay and queue', () => {
    const { sensor, settleAt } = aSensor({ fullDelayMs: 40 });
    settleAt({ delayMs: 36, queue: 0.2 });
    expect(sensor.load).toBeCloseTo(0.9);
    settleAt({ delayMs: 4, queue: 0.95 });
    expect(sensor.load).toBeCloseTo(0.95);
  });

  it('sheds the share it says, by the random number it is given', () => {
    const { sensor, settleAt } = aSensor();
    const random = seededRandom(5);
    settleAt({ queue: 0.9 });
    let shed = 0;
    for (let i = 0; i < 10_000; i += 1) if (sensor.shouldShed(random.next())) shed += 1;
    expect(shed / 10_000).toBeCloseTo(0.5, 1);
    settleAt({ queue: 0 });
    expect(sensor.shouldShed(0)).toBe(false);
  });

  it('does not jump at a single spike', () => {
    const { sensor, world } = aSensor({ smoothingMs: 300 });
    world.nowMs += 100;
    world.delayMs = 75;
    sensor.sample();
    expect(sensor.load).toBeCloseTo(1.5 * (1 - Math.exp(-1 / 3)));
    expect(sensor.shedShare).toBe(0);
  });

  it('does not shed for one stall, however long it was; it does for the second', () => {
    const { sensor, world } = aSensor();
    world.nowMs += 30_000;
    world.delayMs = 30_000;
    sensor.sample();
    expect(sensor.shedShare).toBe(0);
    world.nowMs += 1_000;
    world.delayMs = 1_000;
    sensor.sample();
    expect(sensor.shedShare).toBeGreaterThan(0.5);
  });

  it('does not flutter: it sheds less only after the load has fallen by the hysteresis', () => {
    const { sensor, settleAt } = aSensor({ hysteresis: 0.05 });
    settleAt({ queue: 0.84 });
    expect(sensor.shedShare).toBeCloseTo(0.2);
    settleAt({ queue: 0.8 });
    expect(sensor.shedShare).toBeCloseTo(0.2);
    settleAt({ queue: 0.78 });
    expect(sensor.shedShare).toBeCloseTo(0.15);
    settleAt({ queue: 0.75 });
    expect(sensor.shedShare).toBeCloseTo(0, 6);
    settleAt({ queue: 0.79 });
    expect(sensor.shedShare).toBeCloseTo(0, 6);
  });

  it('takes another threshold while it runs', () => {
    const { sensor, settleAt } = aSensor();
    sensor.reconfigure({ threshold: 0.5 });
    settleAt({ queue: 0.75 });
    expect(sensor.shedShare).toBeCloseTo(0.5);
  });
});

describe('eventLoopDelay', () => {
  it('sees a blocked event loop once, and nothing where nothing was measured', async () => {
    const source = eventLoopDelay();
    await eventually(() => expect(source.readMs()).toBeGreaterThanOrEqual(0));
    const until = performance.now() + 500;
    while (performance.now() < until) continue;
    let seen = 0;
    await eventually(() => {
      seen += source.readMs();
      expect(seen).toBeGreaterThan(50);
    });
    expect(source.readMs()).toBe(0);
    source.close();
  });
});
