/**
 * A connection that speaks HTTP/2 (RFC 9113) as far as a load needs: one kind of request, no compression, no priorities. A
 * client library would measure itself: grpc-js as a client costs three times what it costs as a server.
 */
import { connect, type Socket } from 'node:net';
import type { Bytes } from '../src/core/bytes.ts';

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8 } as const;
export const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
export const LARGEST_WINDOW = 2 ** 31 - 1;
export const FIRST_WINDOW = 65_535;
/** Payload of one frame, as long as nobody has agreed to more. */
export const LARGEST_FRAME = 16_384;
const INITIAL_WINDOW_SIZE = 4;
const READ_BYTES = 256 * 1024;

export interface FrameHandlers {
  /** The connection is there: requests may be sent. */
  opened(): void;
  /** @param payload valid until it returns: the next read goes to the same place */
  data(stream: number, payload: Bytes, ended: boolean): void;
  /** Headers or trailers, which are not decompressed. */
  headers(stream: number, ended: boolean): void;
  /** `by` bytes more may be sent; stream 0: on the whole connection. */
  window(stream: number, by: number): void;
  /** SETTINGS_INITIAL_WINDOW_SIZE of the other side, for every stream. */
  initialWindow(size: number): void;
  /** The connection broke, or a request was refused; not after {@link Http2Socket.end}. */
  failed(error: Error): void;
}

export class Http2Socket {
  readonly #socket: Socket;
  readonly #handlers: FrameHandlers;
  /** What was read and is not a whole frame yet. */
  #read = Buffer.alloc(2 * READ_BYTES);
  #filled = 0;
  #received = 0;
  #over = false;
  #ended: Promise<void> | undefined;

  constructor(port: number, handlers: FrameHandlers) {
    this.#handlers = handlers;
    this.#socket = connect({
      ...{ port, host: '127.0.0.1', noDelay: true },
      // One buffer for all that is read: garbage of the load's would be collected on the cores that the server needs.
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (length, bytes) => {
          this.#append(bytes.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.once('error', (error) => this.fail(error));
    this.#socket.once('close', () => this.fail(new Error('the server has closed a connection')));
    this.#socket.once('connect', () => {
      this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
      // What comes back is bounded by what is asked for.
      const settings = Buffer.alloc(6);
      settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
      settings.writeUInt32BE(LARGEST_WINDOW, 2);
      this.frame(FRAME.settings, 0, 0, settings);
      this.widen(0, LARGEST_WINDOW - FIRST_WINDOW);
      this.#handlers.opened();
    });
  }

  frame(type: number, flags: number, stream: number, payload: Bytes): void {
    const head = Buffer.allocUnsafe(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#socket.cork();
    this.#socket.write(head);
    if (payload.length > 0) this.#socket.write(payload);
    this.#socket.uncork();
  }

  /** No more is sent or told. Resolves when the connection is gone. */
  end(): Promise<void> {
    this.#over = true;
    this.#ended ??= new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.end();
      // The other side may have something left to say: nobody would read it.
      this.#socket.destroySoon();
    });
    return this.#ended;
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.#handlers.failed(error);
  }

  #append(bytes: Bytes): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#read.length) {
      const larger = Buffer.alloc(2 * needed);
      larger.set(this.#read.subarray(0, this.#filled));
      this.#read = larger;
    }
    this.#read.set(bytes, this.#filled);
    this.#filled = needed;
    let at = 0;
    while (!this.#over && this.#filled - at >= 9) {
      const length = this.#read.readUIntBE(at, 3);
      if (this.#filled - at < 9 + length) break;
      const [type, flags] = [this.#read[at + 3]!, this.#read[at + 4]!];
      const stream = this.#read.readUInt32BE(at + 5) & LARGEST_WINDOW;
      this.#frame(type, flags, stream, this.#read.subarray(at + 9, at + 9 + length));
      at += 9 + length;
    }
    this.#read.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        this.#handlers.data(stream, payload, (flags & END_STREAM) !== 0);
        this.#received += payload.length;
        if (this.#received > LARGEST_WINDOW / 4) {
          this.widen(0, this.#received);
          this.#received = 0;
        }
        break;
      case FRAME.headers:
        this.#handlers.headers(stream, (flags & END_STREAM) !== 0);
        break;
      case FRAME.settings:
        if (flags & ACK) break;
        for (let at = 0; at < payload.length; at += 6) {
          if (payload.readUInt16BE(at) === INITIAL_WINDOW_SIZE) {
            this.#handlers.initialWindow(payload.readUInt32BE(at + 2));
          }
        }
        this.frame(FRAME.settings, ACK, 0, Buffer.alloc(0));
        break;
      case FRAME.ping:
        if (!(flags & ACK)) this.frame(FRAME.ping, ACK, 0, Buffer.from(payload));
        break;
      case FRAME.window:
        this.#handlers.window(stream, payload.readUInt32BE(0) & LARGEST_WINDOW);
        break;
      case FRAME.reset:
      case FRAME.goaway:
        this.fail(new Error('the server has refused a call'));
    }
  }

  /** `by` bytes more may be received on `stream`; 0: on the whole connection. */
  widen(stream: number, by: number): void {
    const more = Buffer.alloc(4);
    more.writeUInt32BE(by);
    this.frame(FRAME.window, 0, stream, more);
  }
}

/**
 * The headers of a gRPC request. HPACK (RFC 7541) without a table of its own: what is in the static table by its number, the
 * rest as it is.
 * @param path `/package.Service/Method`
 */
export function grpcHeaders(path: string, authority: string): Bytes {
  const text = (value: string) => [value.length, ...Buffer.from(value, 'latin1')];
  const [post, http] = [0x83, 0x86];
  const [namePath, nameAuthority] = [0x04, 0x01];
  return Uint8Array.from([
    ...[post, http, namePath, ...text(path), nameAuthority, ...text(authority)],
    ...[0, ...text('content-type'), ...text('application/grpc')],
    ...[0, ...text('te'), ...text('trailers')],
  ]);
}

/** A gRPC message as it is sent: not compressed, and how long it is, before it. */
export function grpcMessage(message: Bytes): Bytes {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}
