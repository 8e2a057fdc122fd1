module.exports = { preset: '../../jest.preset.js', displayName: 'cache', rootDir: '.' };
