import { childEnvironment } from './environment.mjs';

describe('childEnvironment', () => {
  const env = childEnvironment('/clone', { PATH: '/usr/bin:/clone/node_modules/.bin', HOME: '/home/somebody' });

  it('puts the programs of the packages first, once', () => {
    expect(env['PATH']).toBe('/clone/node_modules/.bin:/usr/bin');
  });

  it('keeps temporary files and caches inside the clone', () => {
    for (const name of [
      'TMPDIR',
      'XDG_CACHE_HOME',
      'BUF_CACHE_DIR',
      'NX_CACHE_DIRECTORY',
      'NX_WORKSPACE_DATA_DIRECTORY',
    ]) {
      expect(env[name]).toMatch(/^\/clone\/\./);
    }
  });

  it('leaves everything else as it is, and the given environment untouched', () => {
    const given = { PATH: '/usr/bin', MYSQL_URL: 'mysql://x' };
    expect(childEnvironment('/clone', given)).toMatchObject({ MYSQL_URL: 'mysql://x' });
    expect(given).toEqual({ PATH: '/usr/bin', MYSQL_URL: 'mysql://x' });
  });
});
