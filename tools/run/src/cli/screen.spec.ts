import { createScreen } from './screen';

function aScreen(isTerminal: boolean): {
  screen: ReturnType<typeof createScreen>;
  written: string[];
  pass: (ms: number) => void;
} {
  const written: string[] = [];
  let now = 0;
  const screen = createScreen({ isTerminal, columns: 20, write: (text) => written.push(text), nowMs: () => now });
  return { screen, written, pass: (ms) => (now += ms) };
}

describe('screen', () => {
  it('rewrites the live line in place on a terminal and clears it for the next line', () => {
    const { screen, written, pass } = aScreen(true);
    screen.live(() => 'one');
    pass(100);
    screen.live(() => 'two');
    screen.line('done');
    expect(written).toEqual(['\r\u001b[2Kone', '\r\u001b[2Ktwo', '\r\u001b[2Kdone\n']);
  });

  it('cuts what would wrap', () => {
    const { screen, written } = aScreen(true);
    screen.live(() => 'x'.repeat(40));
    expect(written[0]).toBe(`\r\u001b[2K${'x'.repeat(19)}`);
  });

  it('writes whole lines elsewhere, one in two seconds', () => {
    const { screen, written, pass } = aScreen(false);
    for (let tick = 0; tick < 50; tick++) {
      screen.live(() => `tick ${tick}`);
      pass(100);
    }
    expect(written).toEqual(['tick 0\n', 'tick 20\n', 'tick 40\n']);
  });
});
