module.exports = { preset: '../../jest.preset.js', displayName: 'checks', rootDir: '.' };
