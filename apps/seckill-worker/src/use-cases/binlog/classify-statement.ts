/** What a statement in the binlog does to a table; types as Canal names them. */
export interface StatementEffect {
  readonly type:
    'CREATE' | 'ALTER' | 'ERASE' | 'TRUNCATE' | 'RENAME' | 'CINDEX' | 'DINDEX' | 'INSERT' | 'UPDATE' | 'DELETE';
  readonly database: string;
  readonly table: string;
}

/** `everything`: the whole database may be another one now. */
export type Classified =
  | { readonly kind: 'effects'; readonly effects: readonly StatementEffect[] }
  | { readonly kind: 'everything'; readonly database: string }
  | { readonly kind: 'none' };

const NAME = '(?:`(?:[^`]|``)+`|[\\w$\\u0080-\\uffff]+)';
const TABLE = `${NAME}(?:\\s*\\.\\s*${NAME})?`;
const LIST = `${TABLE}(?:\\s*,\\s*${TABLE})*`;

/** In this order; the first group are the tables. */
const RULES: readonly (readonly [StatementEffect['type'], RegExp])[] = [
  ['CREATE', rule(`create\\s+(?:or\\s+replace\\s+)?table\\s+(?:if\\s+not\\s+exists\\s+)?(${TABLE})`)],
  ['CINDEX', rule(`create\\s+(?:or\\s+replace\\s+)?(?:\\w+\\s+)*?index\\s+.*?\\s+on\\s+(${TABLE})`)],
  ['DINDEX', rule(`drop\\s+index\\s+.*?\\s+on\\s+(${TABLE})`)],
  ['ERASE', rule(`drop\\s+(?:temporary\\s+)?tables?\\s+(?:if\\s+exists\\s+)?(${LIST})`)],
  ['TRUNCATE', rule(`truncate\\s+(?:table\\s+)?(${TABLE})`)],
  [
    'RENAME',
    rule(
      `rename\\s+tables?\\s+(?:if\\s+exists\\s+)?(${TABLE}\\s+to\\s+${TABLE}(?:\\s*,\\s*${TABLE}\\s+to\\s+${TABLE})*)`,
    ),
  ],
  ['ALTER', rule(`alter\\s+(?:online\\s+)?(?:ignore\\s+)?table\\s+(?:if\\s+exists\\s+)?(${TABLE})`)],
  // Changes logged as text: sessions that have set binlog_format to something else.
  [
    'INSERT',
    rule(`(?:insert|replace)\\s+(?:(?:low_priority|delayed|high_priority|ignore)\\s+)*(?:into\\s+)?(${TABLE})`),
  ],
  ['INSERT', rule(`load\\s+data\\s+.*?\\binto\\s+table\\s+(${TABLE})`)],
  ['UPDATE', rule(`update\\s+(?:(?:low_priority|ignore)\\s+)*(${LIST})`)],
  ['DELETE', rule(`delete\\s+(?:(?:low_priority|quick|ignore)\\s+)*(?:from\\s+)?(${LIST})`)],
];

/** Whatever else ALTER TABLE does, Canal names it after an index it adds or drops, or after the renaming. */
const ALTERATIONS: readonly (readonly [StatementEffect['type'], RegExp])[] = [
  ['CINDEX', /^\s*add\s+(?:(?:unique|fulltext|spatial)\s+)?(?:index|key)\b/is],
  ['DINDEX', /^\s*drop\s+(?:index|key)\b/is],
  ['RENAME', new RegExp(`^\\s*rename\\s+(?:to\\s+|as\\s+)?(?!column\\b|index\\b|key\\b)(${TABLE})`, 'is')],
];

/** @param schema The default database of the session. */
export function classifyStatement(sql: string, schema: string): Classified {
  const text = withoutComments(sql);
  const whole = /^drop\s+(?:database|schema)\s+(?:if\s+exists\s+)?(\S+)/i.exec(text);
  if (whole !== null) return { kind: 'everything', database: unquote((whole[1] ?? '').replace(/;$/, '')) };
  for (const [type, pattern] of RULES) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const tables = (found[1] ?? '').split(/\s*,\s*|\s+to\s+/i);
    return { kind: 'effects', effects: effectsOf(type, tables, text.slice(found[0].length), schema) };
  }
  return { kind: 'none' };
}

function effectsOf(
  type: StatementEffect['type'],
  tables: readonly string[],
  rest: string,
  schema: string,
): StatementEffect[] {
  if (type !== 'ALTER') return tables.map((table) => ({ type, ...place(table, schema) }));
  for (const [alteration, pattern] of ALTERATIONS) {
    const found = pattern.exec(rest);
    if (found !== null) {
      const names = [...tables, ...(found[1] === undefined ? [] : [found[1]])];
      return names.map((table) => ({ type: alteration, ...place(table, schema) }));
    }
  }
  return tables.map((table) => ({ type, ...place(table, schema) }));
}

function place(table: string, schema: string): { database: string; table: string } {
  const parts = table.match(new RegExp(NAME, 'g')) ?? [];
  const [first = '', second] = parts.map(unquote);
  return second === undefined ? { database: schema, table: first } : { database: first, table: second };
}

function unquote(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name;
}

function rule(pattern: string): RegExp {
  return new RegExp(`^${pattern}`, 'is');
}

/** Comments at the start and between words; what is inside a versioned comment stays, for it is executed. */
function withoutComments(sql: string): string {
  return sql
    .replace(/\/\*M?!\d*(.*?)\*\//gs, ' $1 ')
    .replace(/\/\*.*?\*\//gs, ' ')
    .replace(/^(?:\s*(?:--|#)[^\n]*\n)+/, '')
    .trim();
}
