module.exports = { preset: '../../jest.preset.js', displayName: 'discount', rootDir: '.' };
