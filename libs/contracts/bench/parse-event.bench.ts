/** Events parsed per second: by hand against zod against JSON.parse alone (the floor). Run: npx tsx --tsconfig tsconfig.base.json libs/contracts/bench/parse-event.bench.ts */
import { FLASH_SALE_SUCCEEDED, claimEventSchemas, parseEvent } from '../src';

const CLAIM_ID = '01JDKZ3Q8F0000000000000001';
const body = Buffer.from(
  JSON.stringify({
    schema_version: 1,
    event_id: '7-1-42',
    event_seq: 42,
    activity_id: '7',
    template_id: '3',
    user_id: '1001',
    claim_id: CLAIM_ID,
    units: [{ sn: `${CLAIM_ID}001`, slot: 1 }],
    epoch: 1,
    claimed_at: '2026-11-21T07:40:31.123Z',
  }),
);
const ROUNDS = 5;
const EVENTS = 100_000;

const variants: Record<string, () => unknown> = {
  'JSON.parse (floor)': () => JSON.parse(body.toString()) as unknown,
  parseEvent: () => parseEvent(FLASH_SALE_SUCCEEDED, body),
  zod: () => claimEventSchemas[FLASH_SALE_SUCCEEDED].safeParse(JSON.parse(body.toString())),
};

for (const [name, run] of Object.entries(variants)) {
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < EVENTS; i += 1) run();
    return EVENTS / (Number(process.hrtime.bigint() - start) / 1e9);
  }).sort((a, b) => a - b);
  const median = rates[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(`${name}: ${Math.round(median).toLocaleString('en')} events/s\n`);
}
