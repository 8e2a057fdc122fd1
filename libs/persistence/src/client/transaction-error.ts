/** `not-started`: nothing was done. `timed-out`, `ended`: a statement came after the end of its transaction and was not sent. */
export type TransactionErrorReason = 'not-started' | 'timed-out' | 'ended';

const MESSAGES: Readonly<Record<TransactionErrorReason, string>> = {
  'not-started': 'no transaction could be begun in the given time',
  'timed-out': 'the transaction took too long and was rolled back',
  ended: 'the transaction has ended already',
};

export class TransactionError extends Error {
  readonly code = 'MYSQL_TRANSACTION';

  constructor(readonly reason: TransactionErrorReason) {
    super(MESSAGES[reason]);
    this.name = 'TransactionError';
  }
}
