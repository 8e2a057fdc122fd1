import type { SeededRandom } from '@coupon/testing';
import type { Marketing } from '../marketing';
import type { ShelfProduct, Winner } from './plan-orders';
import type { ShopClient } from './shop-client';

interface Goods {
  readonly name: string;
  readonly price: string;
  readonly categoryId: string;
}

const SHELF: readonly Goods[] = [
  { name: 'notebook', price: '4.99', categoryId: '10' },
  { name: 'pen', price: '19.90', categoryId: '10' },
  { name: 'mug', price: '33.33', categoryId: '20' },
  { name: 'lamp', price: '59.95', categoryId: '20' },
  { name: 'kettle', price: '89.00', categoryId: '20' },
  { name: 'headphones', price: '129.99', categoryId: '30' },
  { name: 'speaker', price: '249.50', categoryId: '30' },
];
const SCARCE: Goods = { name: 'last season’s jacket', price: '149.00', categoryId: '40' };

/** Coupons that the winners may stack on the one they won, and the share of the winners who get one. */
const FURTHER = [
  {
    name: '10 % off, 30 at most',
    terms: { type: 2, discount_type: 2, discount_value: '10.00', min_amount: '0.00', max_discount: '30.00' },
    share: 0.5,
  },
  {
    name: 'free shipping',
    terms: { type: 3, discount_type: 1, discount_value: '0.00', min_amount: '50.00' },
    share: 0.4,
  },
] as const;
const GIFT = {
  name: 'this one is on us',
  terms: { type: 2, discount_type: 2, discount_value: '100.00', min_amount: '0.00' },
};
const GIFT_SHARE = 0.02;

export interface Shelf {
  readonly products: readonly ShelfProduct[];
  /** Product -> units. */
  readonly initialStock: ReadonlyMap<string, number>;
}

/** A catalogue with stock for everybody, and one product of which there is too little. */
export async function fillShelf(client: ShopClient, orders: number): Promise<Shelf> {
  const products: ShelfProduct[] = [];
  const initialStock = new Map<string, number>();
  const put = async (goods: Goods, stock: number, isScarce: boolean): Promise<void> => {
    const id = await client.createProduct({ ...goods, stock });
    products.push({ id, priceMinor: BigInt(goods.price.replace('.', '')), isScarce });
    initialStock.set(id, stock);
  };
  for (const goods of SHELF) await put(goods, orders * 20, false);
  await put(SCARCE, Math.max(1, Math.floor(orders / 100)), true);
  return { products, initialStock };
}

/** Grants further coupons to some of the winners, so that they have one to three each. */
export async function grantFurtherCoupons(
  marketing: Marketing,
  won: readonly { readonly userId: string; readonly saleSn: string }[],
  random: SeededRandom,
): Promise<Winner[]> {
  const give = async (
    template: { readonly name: string; readonly terms: Readonly<Record<string, string | number>> },
    share: number,
  ): Promise<Map<string, string>> => {
    const lucky = won.filter(() => random.next() < share).map(({ userId }) => userId);
    const { name, terms } = template;
    const totalCount = Math.max(1, won.length);
    const id = await marketing.publishTemplate({ name, terms, totalCount, perUserLimit: 1, nowMs: Date.now() });
    return marketing.grant(id, lucky);
  };
  const gifts = await give(GIFT, GIFT_SHARE);
  const further: Map<string, string>[] = [];
  for (const template of FURTHER) further.push(await give(template, template.share));
  return won.map(({ userId, saleSn }) => ({
    userId,
    saleSn,
    furtherSns: further.flatMap((serials) => serials.get(userId) ?? []),
    giftSn: gifts.get(userId),
  }));
}
