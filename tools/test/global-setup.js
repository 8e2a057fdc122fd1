const { startForRun } = require('./coordinator.js');

/** Once per Jest run: a coordinator that starts servers when the first spec asks for one. A run inside a larger one uses the larger one's. */
module.exports = async function globalSetup() {
  await startForRun();
};
