const { pathsToModuleNameMapper } = require('./tools/test/module-name-mapper.js');

/** One preset for every project: swc for speed, path aliases from tsconfig.base.json, no globals injected but Jest's own. */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/**/*.spec.ts', '<rootDir>/**/*.int-spec.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json'],
  moduleNameMapper: pathsToModuleNameMapper(),
  transform: {
    '^.+\\.(ts|mts|js|mjs)$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', decorators: false }, target: 'es2023' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // ESM-only packages must be compiled for Jest's CommonJS runtime; everything else in node_modules is used as it is.
  transformIgnorePatterns: ['/node_modules/(?!(jose|@nodable|fast-xml-parser|@vlasky/zongji)/)'],
  globalSetup: `${__dirname}/tools/test/global-setup.js`,
  globalTeardown: `${__dirname}/tools/test/global-teardown.js`,
  setupFilesAfterEnv: [`${__dirname}/tools/test/setup-after-env.js`],
  clearMocks: true,
  restoreMocks: true,
};
