import { cpSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/**
 * Packages that read files beside their own code at run time (`.proto` files found through `__dirname`), and the folders they read.
 * Inside a bundle `__dirname` is the bundle's folder: their files are copied to `assets/<package>/…` and their `__dirname` points there.
 */
const ASSETS = {
  'grpc-health-check': ['proto'],
  '@grpc/grpc-js': ['proto'],
  '@grpc/reflection': ['build/proto/grpc'],
};

/**
 * Packages that mention `__dirname` but read no file through it here. pino, thread-stream: worker transports (the logger writes
 * directly). ioredis: leaves its own frames out of a stack trace.
 */
const HARMLESS = new Set(['ioredis', 'pino', 'thread-stream']);

const PACKAGE = /^(.*node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+))[/\\]/;

/** esbuild plugin; fails on a package that uses `__dirname` and is in neither list, instead of at midnight in production. */
export function relocateAssets(root, outDir) {
  return {
    name: 'relocate-assets',
    setup(build) {
      build.onLoad({ filter: /node_modules[/\\].*\.c?js$/ }, ({ path }) => {
        const source = readFileSync(path, 'utf8');
        if (!usesDirname(source)) return undefined;
        const [, folder, rawName] = PACKAGE.exec(path) ?? [];
        const name = rawName?.split(sep).join('/');
        if (name === undefined || HARMLESS.has(name)) return undefined;
        const assets = ASSETS[name];
        if (assets === undefined) {
          return {
            errors: [
              {
                text: `${relative(root, path)} uses __dirname: decide in tools/build/relocate-assets.mjs what it needs`,
              },
            ],
          };
        }
        for (const asset of assets) copyOnce(join(folder, asset), join(outDir, 'assets', name, asset));
        const here = ['assets', name, relative(folder, dirname(path)).split(sep).join('/')].join('/');
        const contents = source.replaceAll(
          /\b__dirname\b/g,
          `(require("node:path").join(__dirname, ${JSON.stringify(here)}))`,
        );
        return { contents, loader: 'js' };
      });
    },
  };
}

/** Outside comments and strings, roughly: a false alarm is answered by an entry above. */
function usesDirname(source) {
  return /\b__dirname\b/.test(source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''));
}

function copyOnce(from, to) {
  if (!existsSync(from)) throw new Error(`${from} does not exist: the package has changed its layout`);
  if (!existsSync(to)) cpSync(from, to, { recursive: true });
}
