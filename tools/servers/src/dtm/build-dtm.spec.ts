import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../exec';
import type { BuildContext } from '../recipes/recipe';
import { buildDtm } from './build-dtm';

const LISTENING = `import (
\t"fmt"
\t"net"
)
\t\terr := app.Run(fmt.Sprintf(":%d", conf.HTTPPort))
\t\t\tlogger.Errorf("start server err: %v", err)
\tlis, err := net.Listen("tcp", fmt.Sprintf(":%d", conf.GrpcPort))
`;

const BOLTDB = `	for k, v := cursor.Seek([]byte(gid)); k != nil; k, v = cursor.Next() {
		b := storage.TransBranchStore{}
		dtmimp.MustUnmarshal(v, &b)
		if b.Gid != gid {
			break
		}
		branches = append(branches, b)
`;

/** Stands for Go: "downloads" a module with the given server file and "compiles" by copying it into the program. */
function fakeGo(options: { version?: string; serverFile?: string; download?: string }): string {
  return `#!/bin/sh
case "$1" in
  env) echo "${options.version ?? 'go1.24.1'}" ;;
  mod) echo download >> "$CALLS"
    ${options.download ?? ':'}
    mkdir -p "$GOMODCACHE/github.com/dtm-labs/dtm@v1.19.0/dtmsvr"
    cp "$SERVER_FILE" "$GOMODCACHE/github.com/dtm-labs/dtm@v1.19.0/dtmsvr/svr.go"
    mkdir -p "$GOMODCACHE/github.com/dtm-labs/dtm@v1.19.0/dtmsvr/storage/boltdb"
    cp "$STORE_FILE" "$GOMODCACHE/github.com/dtm-labs/dtm@v1.19.0/dtmsvr/storage/boltdb/boltdb.go" ;;
  build) echo build >> "$CALLS"
    sleep 0.2
    mkdir -p out && cat module/dtmsvr/svr.go module/dtmsvr/storage/boltdb/boltdb.go > out/dtm && tail -1 go.mod >> out/dtm && chmod +x out/dtm ;;
esac
`;
}

describe('buildDtm', () => {
  let directory: string;
  let lines: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'build-dtm-'));
    lines = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function context(options: Parameters<typeof fakeGo>[0] = {}): BuildContext {
    writeFileSync(join(directory, 'go'), fakeGo(options));
    chmodSync(join(directory, 'go'), 0o755);
    writeFileSync(join(directory, 'svr.go'), options.serverFile ?? LISTENING);
    writeFileSync(join(directory, 'boltdb.go'), BOLTDB);
    const calls = join(directory, 'calls');
    return {
      env: {
        PATH: `${directory}:/usr/bin:/bin`,
        CALLS: calls,
        SERVER_FILE: join(directory, 'svr.go'),
        STORE_FILE: join(directory, 'boltdb.go'),
        GOPATH: '/nowhere',
      },
      cacheDirectory: join(directory, 'cache'),
      log: (line) => lines.push(line),
      run: async ({ command, args, env, cwd, timeoutMs }) => {
        const { code, stdout, stderr } = await exec(command, args, { env, cwd, timeoutMs });
        return { code, output: stdout + stderr };
      },
    };
  }
  const calls = (): string[] => readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');

  it('says so where there is no Go, and where it is too old', async () => {
    const none = { ...context(), env: { PATH: '' } };
    expect(await buildDtm(none, [])).toEqual({ unavailable: 'no Go on PATH to build it with' });
    const old = await buildDtm(context({ version: 'go1.21.5' }));
    expect(old).toEqual({ unavailable: 'Go 1.22 or newer is needed to build it' });
    expect(existsSync(join(directory, 'calls'))).toBe(false);
  });

  it('says what Go said last when the sources cannot be downloaded, and leaves nothing half made', async () => {
    const result = await buildDtm(context({ download: 'echo "go: checksum mismatch"; exit 1' }));
    expect(result).toEqual({ unavailable: 'dtm-download failed: go: checksum mismatch' });
    expect(readdirSync(join(directory, 'cache')).filter((name) => name.startsWith('dtm'))).toEqual([]);
  });

  it('builds a server that listens where it is told, once for everybody', async () => {
    const [first, second] = await Promise.all([buildDtm(context()), buildDtm(context())]);
    expect(first).toEqual(second);
    expect(calls()).toEqual(['download', 'build']);
    const program = readFileSync((first as { program: string }).program, 'utf8');
    expect(program.match(/os\.Getenv\("DTM_LISTEN_HOST"\)/g)).toHaveLength(2);
    expect(program).toContain('logger.FatalIfError(err)');
    expect(program).toContain('strings.HasPrefix(string(k), gid)');
    expect(program).toContain('replace github.com/dtm-labs/dtm => ./module');
    expect(lines).toEqual([
      expect.stringMatching(/^dtm {7}building v1\.19\.0 .* once/),
      expect.stringMatching(/^dtm {7}built in \d+ s$/),
    ]);
  });

  it('does not need Go for what is built already', async () => {
    const built = await buildDtm(context());
    expect(await buildDtm({ ...context(), env: { PATH: '' } }, [])).toEqual(built);
  });

  it('takes over the lock of a process that is gone', async () => {
    const built = (await buildDtm(context())) as { program: string };
    rmSync(built.program);
    writeFileSync(`${join(built.program, '..')}.lock`, '999999999');
    expect(await buildDtm(context())).toEqual(built);
  });

  it('refuses sources that are not those it knows how to bind to an address', async () => {
    const serverFile = LISTENING.replace('app.Run(', 'app.RunElsewhere(');
    await expect(buildDtm(context({ serverFile }))).rejects.toThrow('dtmsvr/svr.go of DTM is not as expected');
  });
});
