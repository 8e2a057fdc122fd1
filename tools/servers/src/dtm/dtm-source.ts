import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** main.go, go.mod and go.sum: which server is built, to the last byte of its dependencies. */
const PROGRAM = join(__dirname, '..', '..', 'dtm');
const PROGRAM_FILES = ['main.go', 'go.mod', 'go.sum'] as const;
export const DTM_MODULE = 'github.com/dtm-labs/dtm';
export const DTM_VERSION = '1.19.0';

/** The variable that the edits below make the server read; empty means all interfaces, as in the original. */
export const LISTEN_HOST_VARIABLE = 'DTM_LISTEN_HOST';

/** Reading a transaction's branches ends at the first key that belongs to another one. */
const BRANCHES_OF_GID = `	for k, v := cursor.Seek([]byte(gid)); k != nil; k, v = cursor.Next() {
		b := storage.TransBranchStore{}
		dtmimp.MustUnmarshal(v, &b)
		if b.Gid != gid {
			break
		}
		branches`;

/**
 * The server has no setting for the address it listens on, no authentication, and calls whatever URL it is given: it must not be reachable
 * from outside. It also goes on without its HTTP API when the port is taken, and a test would talk to somebody else's server.
 *
 * boltdb's keys are the gid and three digits: where a-1 and a-10, or a and a-b, are stored, the keys of one stand in front of the other's, whose
 * branches are not found then. Resumed after a restart or a retry, it ends without the steps, or the compensations, that were left.
 */
const EDITS: readonly { readonly file: string; readonly find: string; readonly put: string }[] = [
  { file: 'dtmsvr/svr.go', find: '\t"net"\n', put: '\t"net"\n\t"os"\n' },
  {
    file: 'dtmsvr/svr.go',
    find: 'app.Run(fmt.Sprintf(":%d", conf.HTTPPort))',
    put: `app.Run(fmt.Sprintf("%s:%d", os.Getenv("${LISTEN_HOST_VARIABLE}"), conf.HTTPPort))`,
  },
  {
    file: 'dtmsvr/svr.go',
    find: 'net.Listen("tcp", fmt.Sprintf(":%d", conf.GrpcPort))',
    put: `net.Listen("tcp", fmt.Sprintf("%s:%d", os.Getenv("${LISTEN_HOST_VARIABLE}"), conf.GrpcPort))`,
  },
  { file: 'dtmsvr/svr.go', find: 'logger.Errorf("start server err: %v", err)', put: 'logger.FatalIfError(err)' },
  {
    file: 'dtmsvr/storage/boltdb/boltdb.go',
    find: BRANCHES_OF_GID,
    put: BRANCHES_OF_GID.replace('k != nil;', 'k != nil && strings.HasPrefix(string(k), gid);').replace(
      'break',
      'continue',
    ),
  },
];

/** Name of what these sources give: changes whenever anything that goes into the program changes. */
export function sourceHash(): string {
  const hash = createHash('sha256').update(JSON.stringify(EDITS));
  for (const name of PROGRAM_FILES) hash.update(readFileSync(join(PROGRAM, name)));
  return hash.digest('hex').slice(0, 12);
}

/** The folder in which the modules are downloaded: with go.mod and go.sum as they are in the repository. */
export function copyProgram(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of PROGRAM_FILES) copyFileSync(join(PROGRAM, name), join(directory, name));
}

/** Puts an edited copy of the downloaded module, whose checksum Go has verified, below the program and points go.mod to it. */
export function editModule(directory: string, moduleCache: string): void {
  const copy = join(directory, 'module');
  cpSync(join(moduleCache, `${DTM_MODULE}@v${DTM_VERSION}`), copy, { recursive: true });
  for (const { file, find, put } of EDITS) {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} of DTM is not as expected: no single ${find}`);
    writeFileSync(
      path,
      text.replace(find, () => put),
    );
  }
  const modFile = join(directory, 'go.mod');
  writeFileSync(modFile, `${readFileSync(modFile, 'utf8')}\nreplace ${DTM_MODULE} => ./module\n`);
}
