/** Unary gRPC calls as fast as they are answered, from plain sockets. */
import type { Bytes } from '../src/core/bytes.ts';
import {
  END_HEADERS,
  END_STREAM,
  FIRST_WINDOW,
  FRAME,
  grpcHeaders,
  grpcMessage,
  Http2Socket,
} from './http2-socket.ts';
import { type LoadOptions, type LoadResult, LoadRun } from './load-run.ts';

export interface GrpcLoadOptions extends LoadOptions {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Sent in turn. */
  readonly messages: readonly Bytes[];
  /** Calls under way on each connection. */
  readonly streams?: number;
}

/** @throws a call that fails, or an answer that is not accepted, or a connection that breaks */
export async function grpcLoad(options: GrpcLoadOptions): Promise<LoadResult> {
  const { port, path, messages, connections = 4, streams = 16 } = options;
  const run = new LoadRun(messages, options);
  const header = grpcHeaders(path, `127.0.0.1:${port}`);
  await Promise.all(
    Array.from({ length: connections }, () => new Connection(port, header, streams, run).ended),
  );
  return run.result;
}

class Connection {
  readonly ended: Promise<void>;
  readonly #socket: Http2Socket;
  readonly #header: Bytes;
  readonly #run: LoadRun;
  /** Calls under way by their stream: what was asked, and the answer as far as it has come. */
  readonly #open = new Map<number, { readonly request: number; readonly answer: Bytes[] }>();
  #stream = 1;
  #mayStillSend = FIRST_WINDOW;
  #waiting: number | undefined;
  #done: () => void = () => {};

  constructor(port: number, header: Bytes, streams: number, run: LoadRun) {
    this.#header = header;
    this.#run = run;
    let reject: (error: Error) => void = () => {};
    this.ended = new Promise((resolve, rejects) => {
      this.#done = () => void this.#socket.end().then(resolve);
      reject = rejects;
    });
    this.#socket = new Http2Socket(port, {
      opened: () => {
        for (let i = 0; i < streams; i++) this.#ask();
      },
      data: (id, payload) => this.#open.get(id)?.answer.push(Uint8Array.from(payload)),
      // The trailers. A call that failed has no message; which status it had is in a compressed header.
      headers: (id, ended) => {
        if (ended) this.#ended(id);
      },
      window: (id, by) => {
        if (id !== 0) return;
        this.#mayStillSend += by;
        if (this.#waiting !== undefined) this.#send(this.#waiting);
      },
      // No request is as long as a window.
      initialWindow: () => {},
      failed: reject,
    });
  }

  #ask(): void {
    if (this.#waiting !== undefined) return;
    const request = this.#run.next();
    if (request !== undefined) this.#send(request);
    else if (this.#open.size === 0) this.#done();
  }

  #send(request: number): void {
    const body = grpcMessage(this.#run.requests[request]!);
    if (body.length > this.#mayStillSend) {
      this.#waiting = request;
      return;
    }
    this.#waiting = undefined;
    this.#mayStillSend -= body.length;
    const id = this.#stream;
    this.#stream += 2;
    this.#open.set(id, { request, answer: [] });
    this.#socket.frame(FRAME.headers, END_HEADERS, id, this.#header);
    this.#socket.frame(FRAME.data, END_STREAM, id, body);
  }

  #ended(id: number): void {
    const call = this.#open.get(id);
    this.#open.delete(id);
    const message = Buffer.concat(call?.answer ?? []);
    if (call === undefined || message.length < 5) {
      this.#socket.fail(new Error('a call has failed'));
      return;
    }
    if (this.#run.answered(call.request, message.subarray(5))) this.#ask();
    else this.#socket.fail(new Error('an answer is not what was asked for'));
  }
}
