import { unavailable } from './source';
import type { Source } from './source';
import { startProcessServer } from './process-server';

/** Programs that are installed on this machine, run on data of our own. */
export const localSource: Source = {
  name: 'local',
  description: 'local programs',
  async open(recipe, context) {
    const installation = await recipe.findLocal(context.env['PATH'] ?? '');
    if (!installation) return unavailable('no recent enough program on PATH');
    return { kind: 'server', server: await startProcessServer(recipe, installation, 'local', context) };
  },
};
