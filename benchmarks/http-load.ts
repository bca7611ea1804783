/**
 * Requests over HTTP/1.1 as fast as they are answered, from plain sockets: a client library would measure itself. Each
 * connection has one request under way.
 */
import { connect } from 'node:net';
import type { Bytes } from '../src/core/bytes.ts';
import { type LoadOptions, type LoadResult, LoadRun } from './load-run.ts';

export interface HttpLoadOptions extends LoadOptions {
  /** Sent in turn. */
  readonly requests: readonly Bytes[];
}

export function getRequest(path: string): Bytes {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`, 'latin1');
}

export function postRequest(path: string, type: string, body: Bytes): Bytes {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** @throws an answer other than 2xx, or one that is not accepted, or a connection that breaks */
export async function httpLoad(options: HttpLoadOptions): Promise<LoadResult> {
  const { port, requests, connections = 32 } = options;
  const run = new LoadRun(requests, options);
  await Promise.all(Array.from({ length: connections }, () => converse(port, run)));
  return run.result;
}

function converse(port: number, run: LoadRun): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let read: Buffer = Buffer.alloc(0);
    let asked = -1;
    const ask = () => {
      const number = run.next();
      if (number === undefined) socket.end(resolve);
      else socket.write(run.requests[number]!);
      asked = number ?? asked;
    };
    socket.once('connect', ask);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server has closed a connection')));
    socket.on('data', (bytes) => {
      read = read.length === 0 ? bytes : Buffer.concat([read, bytes]);
      const head = read.indexOf('\r\n\r\n');
      if (head < 0) return;
      const text = read.toString('latin1', 0, head);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
      if (!/^HTTP\/1\.1 2/.test(text) || Number.isNaN(length)) {
        const words = read.toString('utf8').slice(0, 600);
        return void socket.destroy(new Error(`not an answer of a known length: ${words}`));
      }
      if (read.length < head + 4 + length) return;
      if (!run.answered(asked, read.subarray(head + 4, head + 4 + length))) {
        const words = read.toString('utf8', head + 4).slice(0, 600);
        return void socket.destroy(new Error(`not what was asked for: ${words}`));
      }
      read = Buffer.alloc(0);
      ask();
    });
  });
}
