module.exports = { preset: '../../jest.preset.js', displayName: 'coupon-admin', rootDir: '.' };
