import type { SagaStage } from './stage';

export interface OwnedCoupon {
  readonly sn: string;
  readonly userId: string;
}

export interface Product {
  readonly id: string;
}

const PLENTY = 1_000_000;
const FIRST_USER = 7_000_000;

/** Goods and coupons, written straight into the tables, and the record of what was put there. */
export class Shelf {
  /** Product -> units it was created with. */
  readonly initialStock = new Map<string, number>();
  readonly #run = Date.now().toString(36);
  #next = 0;

  private constructor(
    private readonly stage: SagaStage,
    private readonly templates: { readonly tenOff: string; readonly free: string },
  ) {}

  static async fill(stage: SagaStage): Promise<Shelf> {
    const template = async (name: string, off: string, least: string): Promise<string> => {
      const result = await stage.query(
        `INSERT INTO ${stage.couponName}.coupon_templates
           (name, type, discount_type, discount_value, min_amount, total_count, valid_start_time, valid_end_time)
         VALUES (?, 1, 1, ?, ?, ${PLENTY}, '2020-01-01', '2037-01-01')`,
        [name, off, least],
      );
      void result;
      const [row] = await stage.query<{ id: string }>(`SELECT MAX(id) AS id FROM ${stage.couponName}.coupon_templates`);
      return String(row?.id);
    };
    return new Shelf(stage, {
      tenOff: await template('10.00 off', '10.00', '50.00'),
      free: await template('on us', '1000.00', '0.00'),
    });
  }

  orderSn(): string {
    return `c${this.#run}-${++this.#next}`;
  }

  async product(stock = PLENTY, price = '100.00'): Promise<Product> {
    const { stage } = this;
    const name = `p-${++this.#next}`;
    await stage.query(`INSERT INTO ${stage.shopName}.products (name, price, stock, category_id) VALUES (?, ?, ?, 3)`, [
      name,
      price,
      stock,
    ]);
    const [row] = await stage.query<{ id: string }>(`SELECT id FROM ${stage.shopName}.products WHERE name = ?`, [name]);
    const id = String(row?.id);
    this.initialStock.set(id, stock);
    return { id };
  }

  /** `each` unused coupons for each of `users` people. */
  async coupons(users: number, each = 1, kind: 'tenOff' | 'free' = 'tenOff'): Promise<OwnedCoupon[][]> {
    const people = Array.from({ length: users }, () => {
      const userId = String(FIRST_USER + ++this.#next);
      return Array.from({ length: each }, (_, index) => ({ userId, sn: `C${this.#run}${userId}-${index}` }));
    });
    const rows = people.flat();
    if (rows.length === 0) return people;
    await this.stage.query(
      `INSERT INTO ${this.stage.couponName}.user_coupons
         (coupon_id, user_id, coupon_sn, valid_start_time, valid_end_time, source)
       VALUES ${rows.map(() => "(?, ?, ?, '2020-01-01', '2037-01-01', 'grant')").join(', ')}`,
      rows.flatMap(({ userId, sn }) => [this.templates[kind], userId, sn]),
    );
    return people;
  }

  async setPrice({ id }: Product, price: string): Promise<void> {
    await this.stage.query(`UPDATE ${this.stage.shopName}.products SET price = ? WHERE id = ?`, [price, id]);
  }
}
