import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand } from './commands.mjs';

const root = join(__dirname, '..', '..', '..');

describe('findCommand', () => {
  it.each(['demo', 'test', 'dev', 'stop', 'ci'])('knows the entry of %s', (name) => {
    const found = findCommand(root, name);
    expect('entry' in found && existsSync(found.entry)).toBe(true);
  });

  it('lists what there is when asked for something else', () => {
    const usage = (name?: string): string => {
      const found = findCommand(root, name);
      return 'usage' in found ? found.usage : found.entry;
    };
    expect(usage('dance')).toMatch(/no command "dance"; there are: demo, test/);
    expect(usage()).toMatch(/Which command/);
  });
});
