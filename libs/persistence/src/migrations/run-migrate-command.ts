import { applyMigrations } from './apply-migrations';
import { EMBEDDED_MIGRATIONS } from './generated/migrations';
import { MigrationError } from './migration-error';
import type { Migration } from './migration';
import { readMigrations } from './read-migrations';

export interface MigrateCommand {
  readonly args: readonly string[];
  readonly url: string | undefined;
  readonly write: (line: string) => void;
  /** Built into the program. @default those of the database `coupon` */
  readonly embedded?: readonly Migration[];
  /** Name of the variable that holds the URL, for messages. @default MYSQL_URL */
  readonly variable?: string;
}

/**
 * The command `migrate [--folder DIR]`: applies what is missing and says what it did, one line each. Without --folder the migrations
 * built into the program are used. Resolves with the exit code: 0 done, 1 refused or failed, 2 called wrongly.
 */
export async function runMigrateCommand(command: MigrateCommand): Promise<number> {
  const [flag, folder, ...rest] = command.args;
  const { embedded = EMBEDDED_MIGRATIONS, variable = 'MYSQL_URL' } = command;
  if ((flag !== undefined && flag !== '--folder') || (flag === '--folder' && !folder) || rest.length > 0) {
    command.write(`usage: migrate [--folder DIR]   (${variable} names the database)`);
    return 2;
  }
  if (!command.url) {
    command.write(`${variable} is not set`);
    return 2;
  }
  const migrations: readonly Migration[] = folder ? readMigrations(folder) : embedded;
  try {
    const result = await applyMigrations({
      url: command.url,
      migrations,
      onApplied: (name) => command.write(`applied ${name}`),
    });
    if (result.applied.length === 0) command.write(`nothing to do, ${result.alreadyApplied.length} already applied`);
    return 0;
  } catch (error) {
    if (error instanceof MigrationError) {
      command.write(`${error.code}: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

/** The command as all that a process does: lines on standard output, a fault on standard error, its result as the exit code. */
export async function runMigrateProcess(command: Omit<MigrateCommand, 'write'>): Promise<void> {
  try {
    process.exitCode = await runMigrateCommand({ ...command, write: (line) => process.stdout.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
