import { STATUS_CODES } from 'node:http';
import type { HttpReply } from '../claim-reply';

const statusLines = new Map<number, string>();

/** Status line and first header lines of an answer, as node:http writes them. */
export function answerHead({ status, headers, body }: HttpReply): string {
  let head = `${statusLine(status)}Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name] ?? ''}\r\n`;
  return head;
}

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}
