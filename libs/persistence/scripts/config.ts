/** The database to migrate; undefined when it is not set. */
export const mysqlUrl = process.env['MYSQL_URL'];
