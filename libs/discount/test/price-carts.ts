import { seededRandom } from '@coupon/testing';
import { checkCarts } from './support/check-carts';

// `npx tsx libs/discount/test/price-carts.ts [carts] [seed]`: every property on so many random carts.

const [carts = '1000000', seed = '1'] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const start = process.hrtime.bigint();
checkCarts(Number(carts), (min, max) => random.int(min, max));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
process.stdout.write(`${carts} random carts (seed ${seed}) keep every property: ${seconds.toFixed(1)} s\n`);
