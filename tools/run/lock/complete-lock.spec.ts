import { missingEntries, platformEntry } from './complete-lock.mjs';

describe('platformEntry', () => {
  it.each([
    ['@bufbuild/buf-darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@bufbuild/buf-linux-armv7', { os: ['linux'], cpu: ['arm'] }],
    ['@swc/core-win32-ia32-msvc', { os: ['win32'], cpu: ['ia32'] }],
    ['@unrs/resolver-binding-android-arm-eabi', { os: ['android'], cpu: ['arm'] }],
  ])('reads from %s what it is for', (name, platform) => {
    expect(platformEntry(name, '1.2.3', true)).toEqual({ version: '1.2.3', dev: true, optional: true, ...platform });
  });

  it('makes nothing up for a name that does not say, or a version that is a range', () => {
    expect(platformEntry('fast-addon', '1.2.3', false)).toBeUndefined();
    expect(platformEntry('addon-darwin-x64', '^1.2.3', false)).toBeUndefined();
  });
});

describe('missingEntries', () => {
  it('names the optional packages without an entry, found the way Node finds packages', () => {
    const lock = {
      packages: {
        '': { optionalDependencies: {} },
        'node_modules/a': {
          dev: true,
          optionalDependencies: { 'a-darwin-x64': '1.0.0', 'a-linux-x64': '1.0.0', b: '^2.0.0' },
        },
        'node_modules/a-linux-x64': { version: '1.0.0' },
        'node_modules/c/node_modules/d': { optionalDependencies: { 'e-win32-x64': '3.0.0' } },
        'node_modules/c/node_modules/e-win32-x64': { version: '3.0.0' },
      },
    };
    expect(missingEntries(lock)).toEqual({
      added: {
        'node_modules/a-darwin-x64': { version: '1.0.0', cpu: ['x64'], dev: true, optional: true, os: ['darwin'] },
      },
      unknown: ['b@^2.0.0 (of node_modules/a)'],
    });
  });
});
