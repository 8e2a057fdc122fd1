import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readScripts, renderModule } from './embed-scripts';

const lua = join(__dirname, '..', '..', '..', 'libs', 'lua', 'src');
const target = join(lua, 'generated', 'scripts.ts');
const wanted = renderModule(readScripts(join(lua, 'scripts')));

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== wanted) {
    console.error('libs/lua/src/generated/scripts.ts is not what the .lua files say: run `npx nx run lua:generate`');
    process.exitCode = 1;
  }
} else {
  writeFileSync(target, wanted);
}
