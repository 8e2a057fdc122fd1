module.exports = { preset: '../../jest.preset.js', displayName: 'seckill-worker', rootDir: '.' };
