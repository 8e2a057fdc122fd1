/** Something the user can mend or must know; only the message is printed, never a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
