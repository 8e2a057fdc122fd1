/** Alias -> exported values that nobody imports yet, and why they stay. An entry that has become superfluous is a problem, too. */
export const ALLOWED_DEAD_EXPORTS: Readonly<
  Record<string, { readonly reason: string; readonly names: readonly string[] }>
> = {};
