module.exports = { preset: '../../jest.preset.js', displayName: 'saga-participant', rootDir: '.' };
