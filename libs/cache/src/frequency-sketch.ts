const ROWS = 4;
const MULTIPLIERS = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2d, 0x165667b1] as const;
const COUNTERS_PER_KEY = 16;

/**
 * How often keys were used, roughly and never too low: a count-min sketch with conservative update (Cormode, Muthukrishnan 2005) and aging
 * (TinyLFU, Einziger, Friedman, Manes 2017). Counts end at 255. It grows without forgetting: with a power of two as its width, the doubled
 * table holds every old counter at both places its keys may be found at.
 */
export class FrequencySketch {
  private width = 256;
  private table = new Uint8Array(ROWS * this.width);

  /** Makes room for so many keys. */
  ensure(keys: number): void {
    while (this.width < keys * COUNTERS_PER_KEY) {
      const wider = new Uint8Array(this.table.length * 2);
      for (let row = 0; row < ROWS; row += 1) {
        const counters = this.table.subarray(row * this.width, (row + 1) * this.width);
        wider.set(counters, row * 2 * this.width);
        wider.set(counters, (row * 2 + 1) * this.width);
      }
      this.table = wider;
      this.width *= 2;
    }
  }

  estimate(hash: number): number {
    let least = 255;
    for (let row = 0; row < ROWS; row += 1) least = Math.min(least, this.table[this.at(hash, row)] ?? 0);
    return least;
  }

  /** @returns the new count. */
  add(hash: number): number {
    const count = Math.min(this.estimate(hash) + 1, 255);
    this.raise(hash, count);
    return count;
  }

  /** The count is at least this. */
  raise(hash: number, count: number): void {
    const value = Math.min(count, 255);
    for (let row = 0; row < ROWS; row += 1) {
      const index = this.at(hash, row);
      if ((this.table[index] ?? 0) < value) this.table[index] = value;
    }
  }

  /** Halves every count so many times. */
  age(times: number): void {
    const { table } = this;
    for (let index = 0; index < table.length; index += 1) table[index] = (table[index] ?? 0) >>> times;
  }

  private at(hash: number, row: number): number {
    const mixed = Math.imul(hash, MULTIPLIERS[row] ?? 1);
    return row * this.width + ((mixed ^ (mixed >>> 13)) & (this.width - 1));
  }
}

/** FNV-1a over the code units, finished so that close keys are far apart. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1);
  return hash ^ (hash >>> 13);
}
