module.exports = { preset: '../../jest.preset.js', displayName: 'flow-control', rootDir: '.' };
