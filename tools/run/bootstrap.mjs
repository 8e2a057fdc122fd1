// Entry of every npm script. This file must be readable by any Node, however old, to be able to say that it is too old.
import process from 'process';

const NEEDED = 20;

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  process.stderr.write(
    'This needs Node ' +
      NEEDED +
      ' or newer to start (it then uses the Node of its own packages); this is ' +
      process.version +
      '.\n',
  );
  process.exitCode = 1;
} else {
  import('./bootstrap/main.mjs').then((bootstrap) => bootstrap.main(process.argv.slice(2)));
}
