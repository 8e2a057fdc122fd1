import { execFile } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestDatabase } from '../support/test-database';
import type { TestDatabase } from '../support/test-database';

const run = promisify(execFile);
const ROOT = join(__dirname, '../../../..');
let database: TestDatabase;
let proxy: Server | undefined;
let cuts = 0;

beforeAll(async () => {
  database = await createTestDatabase();
}, 900_000);
afterAll(async () => {
  proxy?.close();
  await database.close();
});

/** In front of the server; cuts a connection when the client sends this text. */
async function cuttingAt(text: string): Promise<string> {
  const to = new URL(database.url);
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (data) => {
      if (data.includes(text)) {
        cuts += 1;
        end();
      } else upstream.write(data);
    });
    upstream.on('data', (data) => client.write(data));
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  });
  proxy = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(new URL(database.url), { port: String((server.address() as AddressInfo).port) }).toString();
}

it('a server that is gone between the login and the settings of the session is an error of the call, and of nobody else', async () => {
  const url = await cuttingAt('SET SESSION');
  const { stdout } = await run(
    process.execPath,
    ['--import', 'tsx', join(__dirname, '../support/query-once.ts'), url],
    {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json') },
      timeout: 60_000,
    },
  );
  expect(cuts).toBeGreaterThan(0);
  expect(stdout).toBe('rejected');
}, 90_000);
