/** One call of messages both ways, from a plain socket, which takes a tenth of what grpc-js takes for it. */
import type { Bytes } from '../src/core/bytes.ts';
import {
  END_HEADERS,
  FIRST_WINDOW,
  FRAME,
  grpcHeaders,
  Http2Socket,
  LARGEST_FRAME,
  LARGEST_WINDOW,
} from './http2-socket.ts';

const STREAM = 1;

export interface MessageHandlers {
  /** @param bytes valid until it returns */
  message(bytes: Bytes): void;
  /** The connection broke, or the server ended the call; not after {@link GrpcStream.close}. */
  failed(error: Error): void;
}

export class GrpcStream {
  readonly #socket: Http2Socket;
  readonly #handlers: MessageHandlers;
  /** To be sent, oldest first, as far as the windows allow; of the first, what is left of it. */
  readonly #queue: Bytes[] = [];
  #isOpen = false;
  #window = FIRST_WINDOW;
  #streamWindow = FIRST_WINDOW;
  #firstWindow = FIRST_WINDOW;
  /** Of the answer under way: what has come of it. */
  #answer = Buffer.alloc(256 * 1024);
  #filled = 0;
  #received = 0;

  /**
   * @param address host and port
   * @param path `/package.Service/Method`
   */
  constructor(address: string, path: string, handlers: MessageHandlers) {
    this.#handlers = handlers;
    const { port } = new URL(`http://${address}`);
    this.#socket = new Http2Socket(Number(port), {
      opened: () => {
        this.#socket.frame(FRAME.headers, END_HEADERS, STREAM, grpcHeaders(path, address));
        this.#isOpen = true;
        this.#flush();
      },
      data: (_, payload) => this.#read(payload),
      headers: (_, ended) => {
        if (ended) this.#socket.fail(new Error('the server has ended the stream'));
      },
      window: (id, by) => {
        if (id === 0) this.#window += by;
        else this.#streamWindow += by;
        this.#flush();
      },
      initialWindow: (size) => {
        this.#streamWindow += size - this.#firstWindow;
        this.#firstWindow = size;
        this.#flush();
      },
      failed: (error) => handlers.failed(error),
    });
  }

  /** @param message as gRPC frames it */
  write(message: Bytes): void {
    this.#queue.push(message);
    this.#flush();
  }

  close(): void {
    void this.#socket.end();
  }

  #flush(): void {
    while (this.#isOpen && this.#queue.length > 0) {
      const [first] = this.#queue as [Bytes];
      const length = Math.min(first.length, this.#window, this.#streamWindow, LARGEST_FRAME);
      if (length <= 0) return;
      this.#socket.frame(FRAME.data, 0, STREAM, first.subarray(0, length));
      this.#window -= length;
      this.#streamWindow -= length;
      if (length < first.length) this.#queue[0] = first.subarray(length);
      else this.#queue.shift();
    }
  }

  #read(payload: Bytes): void {
    this.#received += payload.length;
    if (this.#received > LARGEST_WINDOW / 4) {
      this.#socket.widen(STREAM, this.#received);
      this.#received = 0;
    }
    if (this.#filled + payload.length > this.#answer.length) {
      const larger = Buffer.alloc(2 * (this.#filled + payload.length));
      larger.set(this.#answer.subarray(0, this.#filled));
      this.#answer = larger;
    }
    this.#answer.set(payload, this.#filled);
    this.#filled += payload.length;
    let at = 0;
    while (this.#filled - at >= 5) {
      const end = at + 5 + this.#answer.readUInt32BE(at + 1);
      if (end > this.#filled) break;
      this.#handlers.message(this.#answer.subarray(at + 5, end));
      at = end;
    }
    this.#answer.copyWithin(0, at, this.#filled);
    this.#filled -= at;
  }
}
