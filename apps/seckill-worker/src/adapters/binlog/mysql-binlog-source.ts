import { randomInt } from 'node:crypto';
import type { PrismaClient } from '@coupon/persistence';
import type {
  BinlogPoint,
  BinlogSource,
  BinlogStream,
  BinlogSurvey,
  ColumnDefinition,
} from '../../use-cases/binlog/binlog-source';
import type { ImpatientClient } from './impatient-client';
import { ZongjiStream } from './zongji-stream';

export interface MysqlBinlogSourceOptions {
  /** Of the user that may read the binlog. */
  readonly url: string;
  readonly client: ImpatientClient;
  /** Whose changes are wanted. */
  readonly database: string;
  readonly tables: readonly string[];
  readonly silenceMs: number;
}

type Value = string | number | bigint | null;
type Row = Readonly<Record<string, Value>>;

/** Settings by name, what they must be, and whether changes would be missed otherwise. */
const NEEDED: readonly { name: string; value: string; missed: boolean }[] = [
  { name: 'log_bin', value: '1', missed: true },
  { name: 'binlog_format', value: 'ROW', missed: true },
  { name: 'binlog_row_image', value: 'FULL', missed: true },
  { name: 'binlog_transaction_compression', value: '0', missed: true },
  { name: 'binlog_row_value_options', value: '', missed: true },
  { name: 'binlog_order_commits', value: '1', missed: true },
  { name: 'binlog_row_metadata', value: 'FULL', missed: false },
];

/** The binlog of a MySQL (8.4 or newer) or a MariaDB (10.11 or newer). */
export class MysqlBinlogSource implements BinlogSource {
  constructor(private readonly options: MysqlBinlogSourceOptions) {}

  survey(): Promise<BinlogSurvey> {
    return this.options.client.run(async (prisma) => {
      const settings = await settingsOf(prisma);
      const wrong = NEEDED.filter(({ name, value }) => (settings.get(name) ?? value) !== value);
      const text = ({ name, value }: (typeof NEEDED)[number]): string =>
        `${name} must be ${value === '' ? 'empty' : value}, is ${settings.get(name)}`;
      const problems = wrong.filter(({ missed }) => missed).map(text);
      const isOff = settings.get('log_bin') !== '1';
      return {
        // MariaDB has no unique name of a server.
        server: settings.get('server_uuid') ?? `server-id-${settings.get('server_id')}`,
        end: isOff ? { file: '', position: 0 } : await endOf(prisma),
        files: isOff ? [] : await filesOf(prisma),
        problems,
        warnings: wrong.filter(({ missed }) => !missed).map(text),
      };
    });
  }

  open(from: BinlogPoint): BinlogStream {
    const { url, database, tables, silenceMs } = this.options;
    // Ids of real servers are small numbers.
    const serverId = randomInt(2 ** 30, 2 ** 32 - 1);
    return new ZongjiStream({ connection: connectionOf(url), database, tables, from, serverId, silenceMs });
  }

  columnsOf(database: string, table: string): Promise<readonly ColumnDefinition[]> {
    return this.options.client.run(async (prisma) => {
      const rows = await prisma.$queryRaw<{ name: string; type: string; column_key: string }[]>`
        SELECT column_name AS name, column_type AS type, column_key AS column_key FROM information_schema.columns
        WHERE table_schema = ${database} AND table_name = ${table} ORDER BY ordinal_position`;
      return rows.map(({ name, type, column_key }) => ({ name, mysqlType: type, isKey: column_key === 'PRI' }));
    });
  }
}

async function settingsOf(prisma: PrismaClient): Promise<Map<string, string>> {
  const names = ['server_uuid', 'server_id', ...NEEDED.map(({ name }) => name)];
  const rows = await prisma.$queryRawUnsafe<Row[]>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names.map((name) => `'${name}'`).join(', ')})`,
  );
  return new Map(
    rows.map((row) => {
      const [name, value] = Object.values(row).map(String);
      return [name ?? '', value === 'ON' ? '1' : value === 'OFF' ? '0' : (value ?? '')] as const;
    }),
  );
}

/** By the statement that does not look into the middle of a transaction that is being written. */
async function endOf(prisma: PrismaClient): Promise<BinlogPoint> {
  const [row] = await prisma
    .$queryRawUnsafe<Row[]>('SHOW BINARY LOG STATUS')
    .catch(() => prisma.$queryRawUnsafe<Row[]>('SHOW MASTER STATUS')); // its name before MySQL 8.2, and in MariaDB
  if (row === undefined) throw new Error('the server does not tell where its binlog ends');
  return { file: String(row['File']), position: Number(row['Position']) };
}

async function filesOf(prisma: PrismaClient): Promise<{ name: string; bytes: number }[]> {
  const rows = await prisma.$queryRawUnsafe<Row[]>('SHOW BINARY LOGS');
  return rows.map((row) => ({ name: String(row['Log_name']), bytes: Number(row['File_size']) }));
}

/** Settings of mysql2: values in the forms that canal-values.ts takes. */
function connectionOf(url: string): Readonly<Record<string, unknown>> {
  const parsed = new URL(url);
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    ...(parsed.searchParams.get('ssl') === 'true' ? { ssl: {} } : {}),
    connectTimeout: 5_000,
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    jsonStrings: true,
    decimalNumbers: false,
  };
}
