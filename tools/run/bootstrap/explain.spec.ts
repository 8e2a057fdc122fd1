import { explainDisk, explainNpmFailure } from './explain.mjs';

describe('explainNpmFailure', () => {
  it.each([
    [
      'npm error code ENOTFOUND\nnpm error network request to https://registry.example/ failed',
      /registry cannot be reached/,
    ],
    ['npm error code EAI_AGAIN', /registry cannot be reached/],
    ['npm error code ENOSPC', /disk is full/],
    ['npm error code EACCES', /may not write/],
    ['npm error code E404\nnpm error 404 Not Found', /does not have one of the packages/],
    [
      '`npm ci` can only install packages when your package.json and package-lock.json are in sync',
      /do not fit together/,
    ],
  ])('says in one sentence what %j means', (output, sentence) => {
    expect(explainNpmFailure(output)).toMatch(sentence);
  });

  it('lets npm speak where it does not know better', () => {
    expect(explainNpmFailure('npm error something new')).toMatch(/npm said:$/);
  });
});

describe('explainDisk', () => {
  const gib = 2 ** 30;

  it('wants room for packages and servers the first time, and little later', () => {
    expect(explainDisk(4 * gib, true)).toBeUndefined();
    expect(explainDisk(gib, false)).toBeUndefined();
    expect(explainDisk(gib, true)).toBe(
      'Not enough disk space: 1024 MiB are free, 3072 MiB are needed for packages and servers.',
    );
  });
});
