import { aptInstall } from '../apt-install';
import { startProcessServer } from './process-server';
import { unavailable } from './source';
import type { Source } from './source';

/** Installs the system's own packages (Debian-like, root) and runs their programs on data of our own; no system service is started. */
export const installedSource: Source = {
  name: 'installed',
  description: 'installed by apt-get',
  async open(recipe, context) {
    if (recipe.systemPackages.length === 0) return unavailable('Debian has no package of it');
    const path = context.env['PATH'] ?? '';
    const failure = await aptInstall(recipe.systemPackages, path);
    if (failure !== undefined) return unavailable(failure);
    const installation = await recipe.findLocal(path);
    if (!installation) return unavailable('the installed program is too old');
    return { kind: 'server', server: await startProcessServer(recipe, installation, 'installed', context) };
  },
};
