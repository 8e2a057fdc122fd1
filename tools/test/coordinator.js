const { join } = require('node:path');

const KEY = Symbol.for('coupon.test-coordinator');
const VARIABLE = 'COUPON_TEST_COORDINATOR';

function log(line) {
  process.stderr.write(`[servers] ${line}\n`);
}

/** Starts the coordinator unless a parent process already has one, and tells the workers through the environment. */
async function startForRun() {
  if (process.env[VARIABLE]) return;
  const provider = lazyProvider();
  const { startTestCoordinator } = load('coordinator/test-coordinator.ts');
  globalThis[KEY] = await startTestCoordinator(provider);
  process.env[VARIABLE] = globalThis[KEY].url;
}

async function stopForRun() {
  const coordinator = globalThis[KEY];
  if (!coordinator) return;
  delete globalThis[KEY];
  delete process.env[VARIABLE];
  await coordinator.stop();
}

/** The provisioning code and its clients are loaded with the first request: a run of unit tests does not pay for them. */
function lazyProvider() {
  let provider;
  const get = () => (provider ??= load('coordinator/test-servers.ts').testServers({ log, env: { ...process.env } }));
  return {
    provide: (kind) => get().provide(kind),
    engine: (kind) => get().engine(kind),
    async stop() {
      await provider?.stop();
    },
  };
}

/** Jest compiles the set-up file only while it loads it; what is loaded later is compiled by tsx. */
function load(file) {
  const { require: tsxRequire } = require('tsx/cjs/api');
  return tsxRequire(join(__dirname, '..', 'servers', 'src', file), __filename);
}

module.exports = { startForRun, stopForRun };
