export interface Admission {
  /** Monotonic milliseconds; the permit was taken somewhere between the two. */
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * Whether a token bucket may have let all of these pass: in no stretch of time are there more than `burst + rate * T` that certainly fell into
 * it. One permit is allowed for the rounding of clocks. @returns the worst stretch, undefined when the bound holds
 */
export function brokenBound(
  admissions: readonly Admission[],
  { rate, burst }: { readonly rate: number; readonly burst: number },
):
  { readonly fromMs: number; readonly lengthMs: number; readonly count: number; readonly allowed: number } | undefined {
  const byAnswer = [...admissions].sort((a, b) => a.answeredMs - b.answeredMs);
  let worst: ReturnType<typeof brokenBound>;
  for (const { sentMs: fromMs } of admissions) {
    let count = 0;
    for (const { sentMs, answeredMs } of byAnswer) {
      if (sentMs < fromMs) continue;
      count += 1;
      const lengthMs = answeredMs - fromMs;
      const allowed = burst + (rate * lengthMs) / 1_000 + 1;
      if (count > allowed && count - allowed > (worst === undefined ? 0 : worst.count - worst.allowed)) {
        worst = { fromMs, lengthMs, count, allowed };
      }
    }
  }
  return worst;
}
