import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { recipeHash } from './build-image';
import { IMAGE_DEFINITIONS } from './definitions';

const ROOT = join(__dirname, '..', '..', '..');

describe('image definitions', () => {
  it('carry the tags that compose, Dockerfiles and Testcontainers use', () => {
    const compose = readFileSync(join(ROOT, 'infra/compose/compose.yaml'), 'utf8');
    const used = [...compose.matchAll(/image: (\S+)/g)].map(([, image]) => image ?? '');
    const official = used.filter((image) => !image.startsWith('coupon-seckill/'));
    const dockerfile = readFileSync(join(ROOT, 'infra/images/coupon-admin/Dockerfile'), 'utf8');
    const base = /^FROM (\S+)/m.exec(dockerfile)?.[1] ?? '';
    expect(new Set([...official, base])).toEqual(new Set(IMAGE_DEFINITIONS.map(({ tag }) => tag)));
  });

  it.each(IMAGE_DEFINITIONS.map((definition) => [definition.tag, definition] as const))(
    '%s has an executable entrypoint',
    (_tag, definition) => {
      const entrypoint = join(__dirname, '..', 'rootfs', definition.name, 'usr/local/bin/docker-entrypoint.sh');
      expect(existsSync(entrypoint) && (statSync(entrypoint).mode & 0o111) !== 0).toBe(true);
    },
  );

  it('are rebuilt when a definition changes', () => {
    const [first] = IMAGE_DEFINITIONS;
    if (!first) throw new Error('there are no definitions');
    expect(recipeHash(first)).toBe(recipeHash({ ...first }));
    expect(recipeHash(first)).not.toBe(recipeHash({ ...first, packages: [...first.packages, 'less'] }));
  });
});

describe('compose file', () => {
  const compose = readFileSync(join(ROOT, 'infra/compose/compose.yaml'), 'utf8');
  const example = readFileSync(join(ROOT, 'infra/compose/.env.example'), 'utf8');
  const names = [...example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)];

  it('has no default for a secret, and the example has no value for one', () => {
    expect(names.length).toBeGreaterThan(0);
    for (const [, name, value] of names) {
      expect(value).toBe('');
      expect(compose).toContain(`\${${name}:?see infra/compose/.env.example}`);
      expect(compose).not.toContain(`\${${name}:-`);
    }
  });

  it('asks for no secret that the example does not list', () => {
    const asked = [...compose.matchAll(/\$\{([A-Z0-9_]+):\?/g)].map(([, name]) => name);
    expect(new Set(asked)).toEqual(new Set(names.map(([, name]) => name)));
  });

  it('publishes ports on loopback only', () => {
    const published = [...compose.matchAll(/'([^']*:\d+)'/g)]
      .map(([, port]) => port ?? '')
      .filter((port) => /\d+:\d+$|\}:\d+$/.test(port));
    expect(published.length).toBeGreaterThan(8);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});
