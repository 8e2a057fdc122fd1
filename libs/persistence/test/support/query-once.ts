import { createPrisma } from '../../src';

/** A process that asks the database of its argument for one thing and says what became of it; a rejection nobody handles ends it with 1. */
const prisma = createPrisma(process.argv[2] ?? '', { poolSize: 1, poolIdle: 1, acquireTimeoutMs: 500 });
void prisma.$queryRaw`SELECT 1`
  .then(
    () => 'answered',
    () => 'rejected',
  )
  .then((outcome) => {
    // Long enough for what would be thrown behind the caller's back.
    setTimeout(() => {
      process.stdout.write(outcome, () => process.exit(0));
    }, 300);
  });
