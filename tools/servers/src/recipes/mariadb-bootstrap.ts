import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the order of mariadb-install-db; the second name is that of releases before 11. */
const FILES = [
  ['mariadb_system_tables.sql', 'mysql_system_tables.sql'],
  ['mariadb_performance_tables.sql', 'mysql_performance_tables.sql'],
  ['mariadb_system_tables_data.sql', 'mysql_system_tables_data.sql'],
  ['maria_add_gis_sp_bootstrap.sql'],
] as const;

/**
 * What mariadb-install-db feeds to `mariadbd --bootstrap`: the system tables, root without a password, no anonymous user. The script itself
 * cannot be used on an unpacked tree, it starts programs by their installed paths.
 */
export function mariadbBootstrapSql(shareDirectory: string): string {
  const parts = FILES.map((names) => {
    const file = names.map((name) => join(shareDirectory, name)).find(existsSync);
    if (file === undefined) throw new Error(`MariaDB's ${names[0]} is missing in ${shareDirectory}`);
    return readFileSync(file, 'utf8');
  });
  return [
    'CREATE DATABASE IF NOT EXISTS mysql;',
    'USE mysql;',
    'SET @auth_root_socket = NULL;',
    'SET @skip_auth_anonymous = 1;',
    ...parts,
    // Rows for the names and addresses of this machine would win over root@'%', with an empty password.
    "DELETE FROM global_priv WHERE Host <> 'localhost';",
    "DELETE FROM proxies_priv WHERE Host <> 'localhost';",
    '',
  ].join('\n');
}
