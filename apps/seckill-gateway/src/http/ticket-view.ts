import type { TicketState } from '@coupon/lua';

/** What GET tickets/{ticket} answers, and each of its events carries. */
export interface TicketView {
  readonly ticket: string;
  readonly status: TicketState['status'];
  /** OK for WON; for LOST the code the purchase would have been refused with. */
  readonly code?: string;
  readonly claim_id?: string;
  readonly coupon_sn?: string;
  readonly coupon_sns?: readonly string[];
  /** 1 is next. Never grows. */
  readonly position?: number;
}

export function ticketView(ticket: string, state: TicketState): TicketView {
  switch (state.status) {
    case 'QUEUED':
      return { ticket, status: state.status, position: state.position };
    case 'WON':
      return {
        ticket,
        status: state.status,
        code: 'OK',
        claim_id: state.claimId,
        coupon_sn: state.couponSns[0] ?? '',
        coupon_sns: state.couponSns,
      };
    case 'LOST':
      return { ticket, status: state.status, code: state.code };
    case 'EXPIRED':
      return { ticket, status: state.status };
  }
}
