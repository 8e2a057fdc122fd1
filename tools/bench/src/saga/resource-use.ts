import type { RowDataPacket } from 'mysql2/promise';
import { cpuSecondsOf, machineCpuSeconds } from '../process/cpu';
import type { ShopBed } from './shop-bed';

/** Name of a figure -> what was used of it; null where the system does not tell. */
export type Used = Readonly<Record<string, number | null>>;

/**
 * What a run uses from the end of its warm-up to its last answer: CPU seconds of each process that takes part, statements and commits of MySQL
 * (those of DTM's store included).
 */
export class ResourceUse {
  #before: Promise<Used> = Promise.resolve({});
  readonly #pids: Readonly<Record<string, number | undefined>>;

  constructor(
    private readonly bed: ShopBed,
    servicePid: number | undefined,
  ) {
    const { platform } = bed;
    this.#pids = {
      service: servicePid,
      dtm: platform.sagas?.servers.servers.dtm.pid,
      mysql: platform.servers.servers.mysql.pid,
      generator: process.pid,
    };
  }

  begin(): void {
    this.#before = this.#read();
    this.#before.catch(() => undefined); // reported by end
  }

  async end(): Promise<Used> {
    const [before, after] = [await this.#before, await this.#read()];
    return Object.fromEntries(
      Object.entries(after).map(([name, value]) => {
        const earlier = before[name] ?? null;
        return [name, earlier === null || value === null ? null : value - earlier];
      }),
    );
  }

  async #read(): Promise<Used> {
    const cpu = Object.entries(this.#pids).map(([name, pid]) => [
      `${name}_cpu_ms`,
      pid === undefined ? null : milliseconds(cpuSecondsOf(pid)),
    ]);
    const machine = milliseconds(machineCpuSeconds());
    const [rows] = await this.bed.shop.query<RowDataPacket[]>(
      "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_commit')",
    );
    const status = new Map(rows.map((row) => [String(row['Variable_name']), Number(row['Value'])]));
    return {
      ...(Object.fromEntries(cpu) as Record<string, number | null>),
      machine_cpu_ms: machine,
      mysql_statements: status.get('Questions') ?? null,
      mysql_commits: status.get('Com_commit') ?? null,
    };
  }
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000;
}
