import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { HmacSha256 } from './hmac-sha256';

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 300 });
const key = fc.uint8Array({ minLength: 1, maxLength: 150 });

describe('HMAC-SHA256', () => {
  // RFC 4231, section 4: test cases 1, 2, 6 and 7.
  it.each([
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      Buffer.alloc(131, 0xaa),
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('gives the values of RFC 4231', (secret, text, expected) => {
    expect(Buffer.from(new HmacSha256(secret).sign(text), 'base64url').toString('hex')).toBe(expected);
  });

  it('agrees with createHmac for any key and text, in any order', () => {
    fc.assert(
      fc.property(key, fc.array(ascii, { minLength: 1, maxLength: 4 }), (secret, texts) => {
        const hmac = new HmacSha256(secret);
        for (const text of texts) {
          const expected = createHmac('sha256', secret).update(text).digest('base64url');
          expect(hmac.sign(text)).toBe(expected);
          expect(hmac.verify(text, expected)).toBe(true);
        }
      }),
      { seed: 4, numRuns: 1_000 },
    );
    const long = 'x'.repeat(20_000);
    expect(new HmacSha256(Buffer.from('k')).sign(long)).toBe(
      createHmac('sha256', 'k').update(long).digest('base64url'),
    );
  });

  it('accepts no other text, no other key and no other value', () => {
    fc.assert(
      fc.property(key, ascii, ascii, fc.nat({ max: 42 }), (secret, text, other, at) => {
        const hmac = new HmacSha256(secret);
        const mac = hmac.sign(text);
        if (other !== text) expect(hmac.verify(other, mac)).toBe(false);
        expect(new HmacSha256(Buffer.concat([secret, Buffer.from('x')])).verify(text, mac)).toBe(false);
        const changed = mac.slice(0, at) + (mac.startsWith('A', at) ? 'B' : 'A') + mac.slice(at + 1);
        expect(hmac.verify(text, changed)).toBe(false);
        // A character whose low byte is the right one.
        const wide = mac.slice(0, at) + String.fromCharCode(0x100 + mac.charCodeAt(at)) + mac.slice(at + 1);
        expect(hmac.verify(text, wide)).toBe(false);
        for (const broken of ['', mac.slice(1), `${mac}A`, `${mac}=`, `.${mac.slice(1)}`]) {
          expect(hmac.verify(text, broken)).toBe(false);
        }
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });
});
