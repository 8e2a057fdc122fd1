module.exports = { preset: '../../jest.preset.js', displayName: 'chaos', rootDir: '.' };
