import { join } from 'node:path';
import { describeSchema, useMysqlDatabase } from '@coupon/testing';
import { Prisma } from '../../src/generated/client';
import { migrateShop } from '../support/service-under-test';

describe.each(['mysql', 'mariadb'] as const)('database shop on %s', (server) => {
  const database = useMysqlDatabase({ server, migrate: migrateShop });

  describeSchema({
    file: join(__dirname, '..', '..', 'prisma', 'schema.prisma'),
    models: Object.keys(Prisma.ModelName),
    database,
  });

  it('is left alone by a second run of the migrations', async () => {
    expect(await migrateShop(database.url)).toMatchObject({ applied: [] });
  });

  it('refuses stock below zero, whatever a statement says', async () => {
    await database.query("INSERT INTO products (name, price, stock) VALUES ('a', 1, 1)");
    await expect(database.query('UPDATE products SET stock = stock - 2')).rejects.toThrow(
      /ck_products_stock|constraint/i,
    );
    await expect(database.query('UPDATE products SET reserved = reserved - 1')).rejects.toThrow(/constraint/i);
  });
});
