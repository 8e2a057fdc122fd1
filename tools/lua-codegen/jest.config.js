module.exports = { preset: '../../jest.preset.js', displayName: 'lua-codegen', rootDir: '.' };
