export type MigrationErrorCode =
  'MIGRATION_LOCKED' | 'MIGRATION_CHANGED' | 'MIGRATION_UNKNOWN' | 'MIGRATION_OUT_OF_ORDER' | 'MIGRATION_FAILED';

/** Why the schema was left as it is. */
export class MigrationError extends Error {
  readonly code: MigrationErrorCode;

  constructor(code: MigrationErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MigrationError';
    this.code = code;
  }
}
