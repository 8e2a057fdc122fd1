module.exports = { preset: '../../jest.preset.js', displayName: 'servers', rootDir: '.' };
