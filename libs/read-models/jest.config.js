module.exports = { preset: '../../jest.preset.js', displayName: 'read-models', rootDir: '.' };
