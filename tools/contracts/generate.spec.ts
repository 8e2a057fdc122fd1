import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const generated = join(root, 'libs', 'contracts', 'src', 'generated');

function node(script: string, ...args: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(__dirname, script), ...args], { encoding: 'utf8', cwd: root });
}

describe('generated contracts', () => {
  let work: string;
  let protoDir: string;

  beforeAll(() => {
    const cache = join(root, 'node_modules', '.cache', 'contracts');
    mkdirSync(cache, { recursive: true });
    work = mkdtempSync(join(cache, 'spec-'));
    protoDir = join(work, 'proto');
    cpSync(join(root, 'proto'), protoDir, { recursive: true });
    const file = join(protoDir, 'coupon', 'v1', 'order.proto');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('string coupon_sn = 4;', 'string coupon_sn = 4;\n  string hint = 5;'),
    );
  });

  afterAll(() => {
    rmSync(work, { recursive: true });
  });

  it('are what proto/ gives', () => {
    expect(node('generate.mjs', '--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('are refused when a proto has changed, naming the files', () => {
    const { status, stderr } = node('generate.mjs', '--check', protoDir, generated);
    expect(status).toBe(1);
    expect(stderr).toMatch(/coupon\/v1\/order\.ts, descriptors\.ts/);
  });

  it('are refused when a file is left over that proto/ no longer gives', () => {
    const copy = join(work, 'generated');
    cpSync(generated, copy, { recursive: true });
    writeFileSync(join(copy, 'left-over.ts'), '');
    expect(node('generate.mjs', '--check', join(root, 'proto'), copy).stderr).toContain('left-over.ts');
  });
});

describe('proto/', () => {
  it('passes buf lint and is formatted', () => {
    expect(node('buf.mjs', 'lint', 'proto').status).toBe(0);
    expect(node('buf.mjs', 'format', '--diff', '--exit-code', 'proto').status).toBe(0);
  });

  it('is guarded: a changed field number is a breaking change', () => {
    const changed = mkdtempSync(join(root, 'node_modules', '.cache', 'contracts', 'breaking-'));
    cpSync(join(root, 'proto'), changed, { recursive: true });
    const file = join(changed, 'coupon', 'v1', 'seckill.proto');
    writeFileSync(file, readFileSync(file, 'utf8').replace('bool replayed = 7;', 'bool replayed = 17;'));
    const { status } = node('buf.mjs', 'breaking', changed, '--against', 'proto');
    rmSync(changed, { recursive: true });
    expect(status).toBe(100);
  });
});
