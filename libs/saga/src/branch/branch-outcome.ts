/**
 * How an action ends. `success`: the effect is there, now or since an earlier call. `refused`: it will never be, the saga rolls back.
 * `not-ready`: ask again soon. Anything else is an exception: the coordinator asks again with growing intervals.
 */
export type ActionOutcome =
  { readonly kind: 'success' } | { readonly kind: 'refused'; readonly code: string } | { readonly kind: 'not-ready' };

/** How a compensation ends. It cannot refuse: the coordinator would repeat it for ever. */
export type CompensationOutcome = Exclude<ActionOutcome, { readonly kind: 'refused' }>;

export const SUCCESS = { kind: 'success' } as const satisfies CompensationOutcome;
export const NOT_READY = { kind: 'not-ready' } as const satisfies CompensationOutcome;

export function refused(code: string): ActionOutcome {
  return { kind: 'refused', code };
}

const CODE_PATTERN = /^[A-Z][A-Z0-9_]{0,63}$/;
const FALLBACK_CODE = 'REFUSED';

/**
 * The code as it may be sent. DTM searches bodies and messages for the words ONGOING and FAILURE, the first one first: a refusal with
 * ONGOING in its code would be repeated for ever. Long texts do not fit into DTM's tables.
 */
export function wireCode(code: string): string {
  return CODE_PATTERN.test(code) && !/ONGOING|FAILURE/.test(code) ? code : FALLBACK_CODE;
}
