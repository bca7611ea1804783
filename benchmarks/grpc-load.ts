/**
 * Unary gRPC calls as fast as they are answered, from plain sockets: grpc-js as a client costs three times what it costs as a
 * server, and would measure itself. HTTP/2 (RFC 9113) as far as it takes: no compression, no priorities, one kind of request.
 */
import { connect, type Socket } from 'node:net';
import type { Bytes } from '../src/core/bytes.ts';
import { type LoadResult, LoadRun } from './load-run.ts';

export interface GrpcLoadOptions {
  readonly port: number;
  /** `/package.Service/Method` */
  readonly path: string;
  /** Sent in turn; over and over if there is a time, each once if there is none. */
  readonly messages: readonly Bytes[];
  readonly milliseconds?: number;
  readonly connections?: number;
  /** Calls under way on each connection. */
  readonly streams?: number;
}

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8 } as const;
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
const WINDOW = 2 ** 31 - 1;
const FIRST_WINDOW = 65_535;

/** @throws a call that fails, or a connection that breaks */
export async function grpcLoad(options: GrpcLoadOptions): Promise<LoadResult> {
  const { port, path, messages, milliseconds, connections = 4, streams = 16 } = options;
  const run = new LoadRun(messages, milliseconds);
  const header = headersFor(path, `127.0.0.1:${port}`);
  await Promise.all(
    Array.from({ length: connections }, () => new Connection(port, header, streams, run).ended),
  );
  return run.result;
}

class Connection {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #header: Bytes;
  readonly #run: LoadRun;
  /** Calls under way by their stream: what was asked, and the answer as far as it has come. */
  readonly #open = new Map<number, { readonly request: number; readonly answer: Bytes[] }>();
  #stream = 1;
  #read: Buffer = Buffer.alloc(0);
  #mayStillSend = FIRST_WINDOW;
  #received = 0;
  #waiting: number | undefined;
  #done: () => void = () => {};

  constructor(port: number, header: Bytes, streams: number, run: LoadRun) {
    this.#header = header;
    this.#run = run;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.ended = new Promise((resolve, reject) => {
      this.#done = () => this.#socket.end(resolve);
      this.#socket.once('error', reject);
      this.#socket.once('close', () => reject(new Error('the server has closed a connection')));
    });
    this.#socket.once('connect', () => {
      this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
      // SETTINGS_INITIAL_WINDOW_SIZE: what comes back is bounded by what is asked for.
      const settings = Buffer.alloc(6);
      settings.writeUInt16BE(4, 0);
      settings.writeUInt32BE(WINDOW, 2);
      this.#socket.write(frame(FRAME.settings, 0, 0, settings));
      this.#widen(WINDOW - FIRST_WINDOW);
      for (let i = 0; i < streams; i++) this.#ask();
    });
    this.#socket.on('data', (bytes) => {
      this.#read = this.#read.length === 0 ? bytes : Buffer.concat([this.#read, bytes]);
      this.#frames();
    });
  }

  #ask(): void {
    if (this.#waiting !== undefined) return;
    const request = this.#run.next();
    if (request !== undefined) this.#send(request);
    else if (this.#open.size === 0) this.#done();
  }

  #send(request: number): void {
    const message = this.#run.requests[request]!;
    const body = Buffer.alloc(5 + message.length);
    body.writeUInt32BE(message.length, 1);
    body.set(message, 5);
    if (body.length > this.#mayStillSend) {
      this.#waiting = request;
      return;
    }
    this.#waiting = undefined;
    this.#mayStillSend -= body.length;
    const id = this.#stream;
    this.#stream += 2;
    this.#open.set(id, { request, answer: [] });
    this.#socket.write(
      Buffer.concat([
        frame(FRAME.headers, END_HEADERS, id, this.#header),
        frame(FRAME.data, END_STREAM, id, body),
      ]),
    );
  }

  #widen(by: number): void {
    const more = Buffer.alloc(4);
    more.writeUInt32BE(by);
    this.#socket.write(frame(FRAME.window, 0, 0, more));
  }

  #frames(): void {
    let at = 0;
    while (this.#read.length - at >= 9) {
      const length = this.#read.readUIntBE(at, 3);
      if (this.#read.length - at < 9 + length) break;
      const [type, flags] = [this.#read[at + 3]!, this.#read[at + 4]!];
      const id = this.#read.readUInt32BE(at + 5) & WINDOW;
      this.#frame(type, flags, id, this.#read.subarray(at + 9, at + 9 + length));
      at += 9 + length;
    }
    this.#read = this.#read.subarray(at);
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        this.#open.get(id)?.answer.push(payload);
        this.#received += payload.length;
        if (this.#received > WINDOW / 4) {
          this.#widen(this.#received);
          this.#received = 0;
        }
        break;
      case FRAME.headers:
        // The trailers. A call that failed has no message; which status it had is in a compressed header.
        if (flags & END_STREAM) this.#ended(id);
        break;
      case FRAME.settings:
        if (!(flags & ACK)) this.#socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
        break;
      case FRAME.ping:
        if (!(flags & ACK)) this.#socket.write(frame(FRAME.ping, ACK, 0, payload));
        break;
      case FRAME.window:
        if (id !== 0) break;
        this.#mayStillSend += payload.readUInt32BE(0) & WINDOW;
        if (this.#waiting !== undefined) this.#send(this.#waiting);
        break;
      case FRAME.reset:
      case FRAME.goaway:
        this.#socket.destroy(new Error('the server has refused a call'));
    }
  }

  #ended(id: number): void {
    const call = this.#open.get(id);
    this.#open.delete(id);
    const message = Buffer.concat(call?.answer ?? []);
    if (call === undefined || message.length < 5) {
      this.#socket.destroy(new Error('a call has failed'));
      return;
    }
    this.#run.answered(call.request, message.subarray(5));
    this.#ask();
  }
}

function frame(type: number, flags: number, stream: number, payload: Bytes): Buffer {
  const whole = Buffer.alloc(9 + payload.length);
  whole.writeUIntBE(payload.length, 0, 3);
  whole[3] = type;
  whole[4] = flags;
  whole.writeUInt32BE(stream, 5);
  whole.set(payload, 9);
  return whole;
}

/** HPACK (RFC 7541) without a table of its own: what is in the static table by its number, the rest as it is. */
function headersFor(path: string, authority: string): Bytes {
  const text = (value: string) => [value.length, ...Buffer.from(value, 'latin1')];
  const [post, http] = [0x83, 0x86];
  const [namePath, nameAuthority] = [0x04, 0x01];
  return Uint8Array.from([
    ...[post, http, namePath, ...text(path), nameAuthority, ...text(authority)],
    ...[0, ...text('content-type'), ...text('application/grpc')],
    ...[0, ...text('te'), ...text('trailers')],
  ]);
}
