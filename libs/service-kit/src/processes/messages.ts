/** From the group to one of its processes. */
export type GroupMessage =
  | { readonly kind: 'metrics?'; readonly question: number }
  | { readonly kind: 'group-metrics'; readonly request: number; readonly text: string };

/** From a process to its group. */
export type MemberMessage =
  | { readonly kind: 'serving' }
  | { readonly kind: 'metrics'; readonly question: number; readonly metrics: unknown }
  | { readonly kind: 'group-metrics?'; readonly request: number };
