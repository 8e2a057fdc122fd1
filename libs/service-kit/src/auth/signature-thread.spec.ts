import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignatureThread } from './signature-thread';

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2_048 });
const [first, second] = [pair(), pair()];

function token(subject: number, key: KeyObject): string {
  const signed = `head.${Buffer.from(String(subject)).toString('base64url')}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

describe('SignatureThread', () => {
  it('tells good signatures from bad ones, each for its own token, in batches of any size', async () => {
    const thread = new SignatureThread();
    for (const size of [1, 15, 16, 17, 100]) {
      const asked = Array.from({ length: size }, (_, index) => {
        const isGood = index % 3 !== 1;
        const key = index % 2 === 0 ? first : second;
        const good = token(index, key.privateKey);
        const text = isGood ? good : good.replace('head.', 'hand.');
        return { isGood, valid: thread.isValid(text, key.publicKey) };
      });
      expect(await Promise.all(asked.map(({ valid }) => valid))).toEqual(asked.map(({ isGood }) => isGood));
    }
  });

  it('refuses the signature of another key, of another length, and none', async () => {
    const thread = new SignatureThread();
    const good = token(1, first.privateKey);
    const signed = good.slice(0, good.lastIndexOf('.'));
    expect(await thread.isValid(good, second.publicKey)).toBe(false);
    expect(await thread.isValid(good.slice(0, -8), first.publicKey)).toBe(false);
    expect(await thread.isValid(`${signed}.`, first.publicKey)).toBe(false);
  });

  it('keeps keys apart when more come than it remembers', async () => {
    const thread = new SignatureThread();
    for (let round = 0; round < 20; round += 1) {
      for (const { publicKey, privateKey } of [pair(), first, second]) {
        expect(await thread.isValid(token(round, privateKey), publicKey)).toBe(true);
      }
      expect(await thread.isValid(token(round, first.privateKey), second.publicKey)).toBe(false);
    }
  });

  it('checks what a dead thread owes itself, and starts another one', async () => {
    const thread = new SignatureThread();
    const good = token(1, first.privateKey);
    await thread.isValid(good, first.publicKey);
    const owed = [
      thread.isValid(good, first.publicKey),
      thread.isValid(good.replace('head.', 'hand.'), first.publicKey),
    ];
    await new Promise(setImmediate);
    await (thread as unknown as { worker: { terminate(): Promise<number> } }).worker.terminate();
    expect(await Promise.all(owed)).toEqual([true, false]);
    expect(await thread.isValid(good, first.publicKey)).toBe(true);
  });
});
