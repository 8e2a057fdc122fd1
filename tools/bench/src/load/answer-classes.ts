/** Answers of a kind share a number, given on first sight: status, code, and for a win whether it was told before. 0 means: no answer. */
const MAX_CLASSES = 255;

interface AnswerClass {
  readonly status: number;
  readonly code: Uint8Array;
  readonly replayed: boolean;
  readonly name: string;
}

export const NO_ANSWER = 0;

export class AnswerClasses {
  private readonly known: AnswerClass[] = [];

  /** `code` is data[from..to). Compared byte by byte: two codes never share a class. */
  classOf(status: number, data: Uint8Array, from: number, to: number, replayed: boolean): number {
    const { known } = this;
    for (let i = 0; i < known.length; i += 1) {
      const candidate = known[i] as AnswerClass;
      if (
        candidate.status === status &&
        candidate.replayed === replayed &&
        candidate.code.length === to - from &&
        sameBytes(candidate.code, data, from)
      ) {
        return i + 1;
      }
    }
    if (known.length === MAX_CLASSES) throw new Error('more kinds of answers than can be counted');
    const code = Uint8Array.from(data.subarray(from, to));
    known.push({ status, code, replayed, name: nameOf(status, Buffer.from(code).toString('latin1'), replayed) });
    return known.length;
  }

  /** Class number -> name, 0 included. */
  names(): readonly string[] {
    return ['no answer', ...this.known.map(({ name }) => name)];
  }
}

/** `OK` for a win, `REPLAYED` for one told again, otherwise status and code: `409 SOLD_OUT`. */
export function nameOf(status: number, code: string, replayed: boolean): string {
  if (status === 200 && code === 'OK') return replayed ? 'REPLAYED' : 'OK';
  return code === '' ? String(status) : `${status} ${code}`;
}

function sameBytes(code: Uint8Array, data: Uint8Array, from: number): boolean {
  for (let i = 0; i < code.length; i += 1) if (code[i] !== data[from + i]) return false;
  return true;
}
