import { engineAnswers } from '@coupon/servers';
import { IMAGE_DEFINITIONS } from './definitions';
import { ensureImages } from './ensure-images';

/** usage: main.ts [mysql] [redis] [rabbitmq] [dtm] [node]; all without arguments. */
async function main(): Promise<void> {
  const known = IMAGE_DEFINITIONS.map(({ name }) => name);
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !known.some((one) => one === name));
  if (unknown.length > 0) throw new Error(`unknown image ${unknown.join(', ')}; known are ${known.join(', ')}`);
  if (!(await engineAnswers(process.env)))
    throw new Error('no container engine answers: start Docker or set DOCKER_HOST');
  const names = asked.length === 0 ? known : known.filter((name) => asked.includes(name));
  await ensureImages(names, { env: process.env, log: (line) => console.log(line) });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
