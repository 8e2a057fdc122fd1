import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';

const ERLANG = 'usr/lib/erlang';

/**
 * Erlang starts its own helper programs by path, and these would find the system's loader and libraries. Each of them is put behind a small
 * script that starts it with the tree's; so the broker runs from the tree without chroot, mounts or root. Paths are relative: the tree
 * may be moved.
 */
export function wrapErlangPrograms(tree: string, loader: string, libraries: readonly string[]): void {
  const root = join(tree, ERLANG);
  if (!existsSync(root)) return;
  const runtime = readdirSync(root).find((name) => name.startsWith('erts-'));
  if (runtime === undefined) throw new Error('the unpacked Erlang has no runtime system');
  const programs = [
    join(root, runtime, 'bin'),
    ...readdirSync(join(root, 'lib')).map((name) => join(root, 'lib', name, 'priv')),
  ]
    .flatMap(filesBelow)
    .filter(isProgram);
  for (const program of programs) {
    renameSync(program, `${program}.elf`);
    writeScript(program, programScript(relative(join(program, '..'), tree), loader, libraries));
  }
  const erl = join(root, 'bin', 'erl');
  rmSync(erl, { force: true });
  writeScript(erl, erlScript(runtime));
}

function programScript(up: string, loader: string, libraries: readonly string[]): string {
  const path = libraries.map((library) => `$tree/${library}`).join(':');
  return [
    '#!/bin/sh',
    'self=$0',
    '[ ! -h "$self" ] || self=$(readlink -f "$self")',
    `tree="\${self%/*}/${up}"`,
    `exec "$tree/${loader}" --library-path "${path}" --argv0 "$self" "$self.elf" "$@"`,
    '',
  ].join('\n');
}

function erlScript(runtime: string): string {
  return [
    '#!/bin/sh',
    'ROOTDIR=$(cd "${0%/*}/.." && pwd)',
    `BINDIR="$ROOTDIR/${runtime}/bin" EMU=beam PROGNAME=erl`,
    'export ROOTDIR BINDIR EMU PROGNAME',
    'exec "$BINDIR/erlexec" "$@"',
    '',
  ].join('\n');
}

function writeScript(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
}

/** An executable ELF file, not a library and not a link. */
function isProgram(file: string): boolean {
  const stat = lstatSync(file);
  if (!stat.isFile() || (stat.mode & 0o100) === 0 || /\.so(\.|$)/.test(file)) return false;
  const magic = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, magic);
  closeSync(descriptor);
  return magic.equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
}
