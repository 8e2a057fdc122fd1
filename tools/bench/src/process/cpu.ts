import { readFileSync } from 'node:fs';

/** Linux counts a process's CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** CPU time a process has used, user and system, all its threads; null where the system does not tell. */
export function cpuSecondsOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    return Number.isFinite(seconds) ? seconds : null;
  } catch {
    return null;
  }
}

/** Resident memory of a process in MiB; null where the system does not tell. */
export function residentMib(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) / 1_024;
  } catch {
    return null;
  }
}

/** CPU time that all processes of the machine have used, in seconds, and what was stolen from it; null where the system does not tell. */
export function machineCpuSeconds(): number | null {
  try {
    const [user, nice, system, , , irq, softirq, steal] = (
      /^cpu +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
    )
      .split(' ')
      .map(Number);
    const ticks = [user, nice, system, irq, softirq, steal].reduce<number>((sum, value) => sum + (value ?? NaN), 0);
    return Number.isFinite(ticks) ? ticks / TICKS_PER_SECOND : null;
  } catch {
    return null;
  }
}
