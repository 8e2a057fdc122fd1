import { isSource } from './is-source';

describe('isSource', () => {
  it.each([
    'apps/a/src/main.ts',
    'libs/lua/src/scripts/claim/claim-units.lua',
    'proto/coupon/v1/order.proto',
    'libs/persistence/prisma/schema.prisma',
  ])('takes %s for a source', (path) => expect(isSource(path)).toBe(true));

  it.each([
    'libs/lua/src/keys.spec.ts',
    'libs/persistence/src/generated/client.ts',
    'apps/a/src/main.ts~',
    'apps/a/src/.main.ts.swp',
    'apps/a/README.md',
  ])('does not rebuild for %s', (path) => expect(isSource(path)).toBe(false));
});
