import { jwtVerify } from 'jose';
import { createAuth, signToken } from './auth';

describe('createAuth', () => {
  it('makes an operator, and buyers who are only themselves', async () => {
    const auth = await createAuth('jwt');
    if (auth.mode !== 'jwt') throw new Error('mode jwt was asked for');
    const key = new TextEncoder().encode(auth.hs256Secret);
    const claims = async (token: string): Promise<object> => (await jwtVerify(token, key)).payload;
    await expect(claims(auth.operatorToken)).resolves.toMatchObject({ sub: 'operator', role: 'operator' });
    const buyer = await claims(await signToken(auth.hs256Secret, { subject: '1001' }));
    expect(buyer).toMatchObject({ sub: '1001' });
    expect(buyer).not.toHaveProperty('role');
  });

  it('has a fresh secret of at least 32 bytes each time', async () => {
    const [one, two] = [await createAuth('jwt'), await createAuth('jwt')];
    expect(one.mode === 'jwt' && Buffer.byteLength(one.hs256Secret)).toBeGreaterThanOrEqual(32);
    expect(one).not.toEqual(two);
    expect(await createAuth('none')).toEqual({ mode: 'none' });
  });
});
