const { stopForRun } = require('./coordinator.js');

module.exports = async function globalTeardown() {
  await stopForRun();
};
