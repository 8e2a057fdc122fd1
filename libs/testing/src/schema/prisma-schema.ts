import { readFileSync } from 'node:fs';

/** What schema.prisma says about one column. */
export interface SchemaColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly autoIncrement: boolean;
}

export interface SchemaTable {
  readonly model: string;
  readonly name: string;
  readonly columns: readonly SchemaColumn[];
  /** `name(column,column)`; a unique one is prefixed with `unique `. PRIMARY first. */
  readonly indexes: readonly string[];
}

const NATIVE: Record<string, (args: string) => string> = {
  VarChar: (n) => `varchar(${n})`,
  Char: (n) => `char(${n})`,
  Text: () => 'text',
  MediumText: () => 'mediumtext',
  TinyInt: () => 'tinyint',
  Decimal: (n) => `decimal(${n.replace(/\s/g, '')})`,
  Timestamp: (n) => `timestamp(${n})`,
  DateTime: (n) => (n === '0' ? 'datetime' : `datetime(${n})`),
};
const PLAIN: Record<string, string> = { BigInt: 'bigint', Int: 'int', Boolean: 'tinyint', Json: 'json' };

/** Reads the tables out of a schema.prisma; only the parts of the language that those of this repository use. */
export function readSchemaTables(file: string): SchemaTable[] {
  const text = readFileSync(file, 'utf8');
  const models = [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)];
  const names = new Set(models.map(([, model]) => model));
  return models.map(([, model = '', body = '']) => readModel(model, body, names));
}

function readModel(model: string, body: string, models: ReadonlySet<string | undefined>): SchemaTable {
  const columns: SchemaColumn[] = [];
  const columnOf = new Map<string, string>();
  const indexes: string[] = [];
  let name = model;
  for (const line of body.split('\n').map((one) => one.trim())) {
    const block = /^@@(\w+)\((.*)\)$/.exec(line);
    const field = /^(\w+)\s+(\w+)(\?|\[\])?\s*(.*)$/.exec(line);
    if (block?.[1] === 'map') name = /"(.+)"/.exec(block[2] ?? '')?.[1] ?? name;
    else if (block) indexes.push(readIndex(block[1] ?? '', block[2] ?? '', columnOf));
    else if (field && !line.startsWith('//') && !models.has(field[2])) {
      const column = readColumn(field);
      columnOf.set(field[1] ?? '', column.name);
      columns.push(column);
      if (/@id\b/.test(line)) indexes.push(`unique PRIMARY(${column.name})`);
    }
  }
  return { model, name, columns, indexes: indexes.sort() };
}

function readColumn([, field = '', type = '', mark, attributes = '']: RegExpExecArray): SchemaColumn {
  const native = /@db\.(\w+)(?:\(([^)]*)\))?/.exec(attributes);
  const sqlType = native ? NATIVE[native[1] ?? '']?.(native[2] ?? '') : PLAIN[type];
  if (!sqlType) throw new Error(`schema.prisma: no SQL type for ${field} ${type} ${attributes}`);
  return {
    name: /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? field,
    type: sqlType,
    nullable: mark === '?',
    autoIncrement: attributes.includes('autoincrement()'),
  };
}

function readIndex(kind: string, args: string, columnOf: ReadonlyMap<string, string>): string {
  const columns = (/\[([^\]]+)\]/.exec(args)?.[1] ?? '').split(',').map((one) => columnOf.get(one.trim()) ?? one);
  const name = kind === 'id' ? 'PRIMARY' : (/map: "(\w+)"/.exec(args)?.[1] ?? '?');
  return `${kind === 'index' ? '' : 'unique '}${name}(${columns.join(',')})`;
}
