module.exports = { preset: '../../jest.preset.js', displayName: 'cache-bus', rootDir: '.' };
