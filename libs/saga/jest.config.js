module.exports = { preset: '../../jest.preset.js', displayName: 'saga', rootDir: '.' };
