import type { Request } from 'express';
import { requestBody, requestQuery } from './request-parts';

const request = (parts: object): Request => parts as Request;

it('takes a request without a body for one with an empty object', () => {
  expect(requestBody(request({}))).toEqual({});
  for (const body of [{ a: 1 }, [], null, 'text', false]) expect(requestBody(request({ body }))).toBe(body);
});

it('reads parameters that are given once', () => {
  expect(requestQuery(request({ query: { limit: '2', cursor: '' } }))).toEqual({ limit: '2', cursor: '' });
});

it.each([[['1', '2']], [{ gt: '1' }]])('refuses %p as a parameter, naming it', (limit) => {
  expect(() => requestQuery(request({ query: { cursor: 'x', limit } }))).toThrow('limit: must be given once');
});
