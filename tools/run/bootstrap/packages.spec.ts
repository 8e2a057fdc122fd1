import { isInstalled } from './packages.mjs';

const wanted = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/a-darwin': { version: '1.0.0', optional: true },
  },
};
const installed = { packages: { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } } };

describe('isInstalled', () => {
  it('accepts what npm ci leaves: everything but optional packages of other platforms', () => {
    expect(isInstalled(wanted, installed)).toBe(true);
  });

  it.each([
    ['another version', { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }],
    ['another content', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-b' } }],
    ['a missing package', {}],
    ['a package too many', { ...installed.packages, 'node_modules/b': { version: '1.0.0' } }],
  ])('refuses %s', (_, packages) => {
    expect(isInstalled(wanted, { packages })).toBe(false);
  });
});
