import { exec, pullImage } from '@coupon/servers';
import { RECIPE_LABEL, buildImage, recipeHash } from './build-image';
import { IMAGE_DEFINITIONS } from './definitions';
import type { BuildOptions } from './build-image';
import type { ImageDefinition } from './definitions';

const INSPECT_TIMEOUT_MS = 30_000;

/**
 * Makes the images available in the engine: present, else pulled, else built from Debian packages under the same tag. An image of the official
 * kind is left alone; one of ours is built anew when its sources have changed.
 */
export async function ensureImages(names: readonly ImageDefinition['name'][], options: BuildOptions): Promise<void> {
  const wanted = IMAGE_DEFINITIONS.filter((definition) => names.includes(definition.name));
  const missing = await Promise.all(
    wanted.map(async (definition) => ((await isGood(definition, options.env)) ? [] : [definition])),
  );
  await Promise.all(missing.flat().map((definition) => provide(definition, options)));
}

async function provide(definition: ImageDefinition, options: BuildOptions): Promise<void> {
  const stale = (await labelOf(definition.tag, options.env)) !== undefined;
  const reason = stale ? 'its sources have changed' : await pullImage(definition.tag, options);
  if (reason === undefined) return;
  options.log(`images    ${definition.tag}: ${reason}`);
  await buildImage(definition, options);
}

async function isGood(definition: ImageDefinition, env: NodeJS.ProcessEnv): Promise<boolean> {
  const label = await labelOf(definition.tag, env);
  return label === '' || label === recipeHash(definition);
}

/** The recipe label of an image: empty for an image that was not built here, undefined when there is no such image. */
async function labelOf(tag: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const format = `{{with .Config.Labels}}{{index . "${RECIPE_LABEL}"}}{{end}}`;
  const { code, stdout } = await exec('docker', ['image', 'inspect', '--format', format, tag], {
    timeoutMs: INSPECT_TIMEOUT_MS,
    env,
  });
  return code === 0 ? stdout.trim() : undefined;
}
