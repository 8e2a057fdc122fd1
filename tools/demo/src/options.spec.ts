import { parseDemoOptions } from './options';

describe('parseDemoOptions', () => {
  it('has the sale of the reference as default', () => {
    expect(parseDemoOptions([], '/somewhere')).toEqual({
      buyers: 20_000,
      stock: 5_000,
      checkouts: 500,
      seed: 1,
      keep: false,
      auth: 'none',
      reportFile: undefined,
    });
  });

  it('takes the report file relative to where the command was typed', () => {
    expect(parseDemoOptions(['--report', 'out.json', '--keep'], '/somewhere')).toMatchObject({
      reportFile: '/somewhere/out.json',
      keep: true,
    });
  });

  it('can do without the checkouts', () => {
    expect(parseDemoOptions(['--checkouts', '0'], '/')).toMatchObject({ checkouts: 0 });
  });

  it.each([
    [['--buyers', '0']],
    [['--stock', '1.5']],
    [['--seed', '-1']],
    [['--checkouts', '-1']],
    [['--checkouts', 'all']],
    [['--auth', 'edge']],
    [['--unknown']],
    [['extra']],
  ])('refuses %j with the usage', (args) => {
    expect(() => parseDemoOptions(args, '/')).toThrow(/usage: npm run demo/);
  });
});
