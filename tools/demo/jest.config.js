module.exports = { preset: '../../jest.preset.js', displayName: 'demo', rootDir: '.' };
