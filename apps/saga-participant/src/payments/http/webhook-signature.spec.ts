import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { isSignedBy } from './webhook-signature';

const secret = 'a secret of the provider';
const body = Buffer.from('{"status":"succeeded","provider_ref":"r-1"}');
const hex = createHmac('sha256', secret).update(body).digest('hex');

describe('isSignedBy', () => {
  it.each([
    ['the signature', `sha256=${hex}`, true],
    ['its digits in upper case', `sha256=${hex.toUpperCase()}`, true],
    ['no header', undefined, false],
    ['an empty header', '', false],
    ['the digits alone', hex, false],
    ['the label alone', 'sha256=', false],
    ['the label in upper case', `SHA256=${hex}`, false],
    ['another algorithm', `sha512=${hex}`, false],
    ['a digit too few', `sha256=${hex.slice(1)}`, false],
    ['two digits too few', `sha256=${hex.slice(2)}`, false],
    ['a digit too many', `sha256=${hex}0`, false],
    ['two digits too many', `sha256=${hex}00`, false],
    ['white space around it', ` sha256=${hex} `, false],
    ['a line after it', `sha256=${hex}\n`, false],
    ['what is no hexadecimal digit', `sha256=${hex.slice(1)}g`, false],
    ['the header twice', `sha256=${hex}, sha256=${hex}`, false],
    ['another secret’s', `sha256=${createHmac('sha256', 'another').update(body).digest('hex')}`, false],
    ['another body’s', `sha256=${createHmac('sha256', secret).update('{}').digest('hex')}`, false],
    ['base64', `sha256=${createHmac('sha256', secret).update(body).digest('base64')}`, false],
  ])('judges %s', (_name, header, expected) => {
    expect(isSignedBy(secret, body, header)).toBe(expected);
  });

  it('accepts no signature with one digit changed, wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 1, max: 15 }), (at, by) => {
        const digit = ((parseInt(hex.charAt(at), 16) + by) % 16).toString(16);
        return !isSignedBy(secret, body, `sha256=${hex.slice(0, at)}${digit}${hex.slice(at + 1)}`);
      }),
      { seed: 11 },
    );
  });

  it('is over the bytes, not over what they mean', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 100 }), (signed, sent) => {
        const header = `sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`;
        return isSignedBy(secret, sent, header) === Buffer.from(signed).equals(sent);
      }),
      { seed: 12 },
    );
  });
});
