import { createLogger } from './create-logger';

function logged(
  write: (log: ReturnType<typeof createLogger>) => void,
  allow: string[] = [],
): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createLogger({ name: 'gateway', level: 'info', allow, destination: { write: (line) => lines.push(line) } }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('createLogger', () => {
  it('writes JSON lines with name, level as a word and ISO time', () => {
    const [line] = logged((log) => {
      log.info({ activity_id: '7', duration_ms: 12 }, 'opened');
    });
    expect(line).toMatchObject({ name: 'gateway', level: 'info', msg: 'opened', activity_id: '7', duration_ms: 12 });
    expect(line?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('redacts every attribute nobody vouched for, at any depth and in child loggers', () => {
    const [line] = logged((log) => {
      log
        .child({ user_id: '1001', queue: 'q' })
        .info({ clientIp: '10.0.0.1', attributes: { token: 'secret', kind: 'x' } });
    });
    expect(line).toMatchObject({
      user_id: '[redacted]',
      clientIp: '[redacted]',
      queue: 'q',
      attributes: { token: '[redacted]', kind: 'x' },
    });
  });

  it('lets measurements pass only as numbers', () => {
    const [line] = logged((log) => {
      log.info({ parsed_count: 3, email_count: 'a@b.c', slow: true });
    });
    expect(line).toMatchObject({ parsed_count: 3, email_count: '[redacted]', slow: true });
  });

  it('lets an app vouch for names of its own', () => {
    const [line] = logged(
      (log) => {
        log.info({ segmentName: 'a' });
      },
      ['segment_name'],
    );
    expect(line).toMatchObject({ segmentName: 'a' });
  });

  it('reduces an error to type, message, code, stack and causes: drivers hang the command with its arguments on it', () => {
    const cause = Object.assign(new Error('connect to redis://:hunter2@db failed'), {
      code: 'ECONNREFUSED',
      command: { name: 'evalsha', args: ['user-1001'] },
    });
    const [line] = logged((log) => {
      log.error({ err: new Error('claim failed', { cause }) }, 'x');
    });
    const text = JSON.stringify(line);
    expect(line?.['err']).toMatchObject({
      type: 'Error',
      message: 'claim failed',
      cause: { code: 'ECONNREFUSED', message: 'connect to redis://***@db failed' },
    });
    expect(text).not.toMatch(/hunter2|user-1001/);
  });

  it('writes bigints as text instead of failing', () => {
    expect(
      logged((log) => {
        log.info({ total: 9007199254740993n });
      }),
    ).toMatchObject([{ total: '9007199254740993' }]);
  });
});
