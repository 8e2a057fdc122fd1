import { z } from 'zod';
import { validate } from '../validation/validate';
import { pageFields, pageOf, pageView } from './page';

const rows = (...ids: string[]): { id: string }[] => ids.map((id) => ({ id }));
const same = (row: { id: string }): { id: string } => row;

it('asks for one row more than it shows, and goes on after the last one shown', () => {
  const query = { limit: 2 };
  expect(pageOf(query)).toEqual({ beforeId: null, limit: 3 });
  const page = pageView(rows('9', '8', '7'), query, same);
  expect(page.items).toEqual(rows('9', '8'));
  expect(pageOf({ limit: 2, cursor: page.next_cursor ?? '' })).toEqual({ beforeId: '8', limit: 3 });
});

it('ends where nothing is left', () => {
  expect(pageView(rows('9', '8'), { limit: 2 }, same).next_cursor).toBeNull();
  expect(pageView([], { limit: 2 }, same)).toEqual({ items: [], next_cursor: null });
});

it.each([
  '',
  'x',
  Buffer.from('v1:0').toString('base64url'),
  Buffer.from("v1:1' OR 1").toString('base64url'),
  Buffer.from('v2:5').toString('base64url'),
])('refuses %p as a cursor', (cursor) => {
  expect(() => pageOf({ limit: 2, cursor })).toThrow('is not a cursor of this list');
});

describe('query of a page', () => {
  const read = (query: unknown) => validate(z.strictObject(pageFields), query, 'query');

  it('shows 20 rows unless it is asked for 1 to 100', () => {
    expect(read({})).toEqual({ limit: 20 });
    expect(read({ limit: '1', cursor: 'abc' })).toEqual({ limit: 1, cursor: 'abc' });
    expect(read({ limit: '100' })).toEqual({ limit: 100 });
  });

  it.each(['0', '101', '1e1', '-1', '', 7])('refuses %p as a limit', (limit) => {
    expect(() => read({ limit })).toThrow('limit: must be a whole number from 1 to 100');
  });

  it('refuses a cursor that is longer than any', () => {
    expect(() => read({ cursor: 'x'.repeat(129) })).toThrow('cursor: is not a cursor of this list');
  });
});
