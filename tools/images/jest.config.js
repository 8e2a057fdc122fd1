module.exports = { preset: '../../jest.preset.js', displayName: 'images', rootDir: '.' };
