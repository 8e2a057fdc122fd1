module.exports = { preset: '../../jest.preset.js', displayName: 'seckill-gateway', rootDir: '.' };
