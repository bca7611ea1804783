/**
 * How a backup is taken of a log that is running: LevelDB lets one process in, so the server itself reads its snapshot,
 * and sends it over a socket in the data folder, which only its own user may open. Whoever connects is sent the log;
 * nothing is asked, and nothing can be changed.
 */
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeError, encodeError } from './content.ts';
import { BACKUP, FRAME, type Frame, FrameWriter, readFrames } from './frames.ts';
import { logFrames, type StoredLog } from './log-frames.ts';

/** sockaddr_un of Linux has 108 bytes, with the final zero. */
const LONGEST_PATH = 107;
const AT_ONCE = 2;
/** Milliseconds without a byte. */
const IDLE = 60_000;

export interface BackupServer {
  /** Ends whatever is being sent. */
  close(): Promise<void>;
}

export interface BackupObserver {
  /** @param error undefined: all of it was sent */
  sent(bytes: number, error: unknown): void;
}

/**
 * @param path of the socket, in a folder that nobody else may enter; only whoever has the log open may call this: what
 * is there was left by a crash
 * @returns undefined: the path is too long for a socket
 * @throws UNAVAILABLE
 */
export async function serveBackups(
  hasher: Hasher,
  path: string,
  take: () => Promise<StoredLog>,
  observer: BackupObserver,
): Promise<BackupServer | undefined> {
  const address = addressOf(path);
  if (address === undefined) return undefined;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Nothing that is sent here is looked at; only who reads sees that the other side has gone.
    socket.resume();
    let bytes = 0;
    const counted = async function* () {
      for await (const part of sending(hasher, take)) {
        yield part;
        bytes += part.length;
      }
    };
    socket.setTimeout(IDLE, () => socket.destroy());
    pipeline(Readable.from(counted(), { objectMode: false }), socket).then(
      () => observer.sent(bytes, undefined),
      (error: unknown) => observer.sent(bytes, error),
    );
  });
  server.maxConnections = AT_ONCE;
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(fail('UNAVAILABLE', `${path} cannot be made`, { cause })));
    // The socket is made by this very call, and nobody else's from the first moment on.
    const before = process.umask(0o177);
    try {
      server.listen(address, resolve);
    } finally {
      process.umask(before);
    }
  });
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { close };
}

async function* sending(hasher: Hasher, take: () => Promise<StoredLog>): AsyncIterable<Bytes> {
  const writer = new FrameWriter(hasher, BACKUP);
  yield writer.line;
  try {
    for await (const frame of logFrames(await take(), Date.now())) yield writer.frame(frame);
  } catch (error) {
    const { code, message } = isLedgerError(error) ? error : fail('INTERNAL', String(error));
    yield writer.frame({ type: FRAME.ERROR, content: encodeError({ code, message }) });
  }
}

/**
 * The log of the server that listens at `path`; undefined: none does.
 * @throws UNAVAILABLE, and the frames: when the server cannot send it, or goes
 */
export async function runningLog(hasher: Hasher, path: string): Promise<AsyncIterable<Frame> | undefined> {
  const address = addressOf(path);
  const socket = address === undefined ? undefined : await connected(address);
  return socket && received(hasher, socket);
}

async function* received(hasher: Hasher, socket: Socket): AsyncIterable<Frame> {
  socket.setTimeout(IDLE, () => socket.destroy(fail('UNAVAILABLE', 'the server sends nothing more')));
  try {
    for await (const frame of readFrames(hasher, BACKUP, socket)) {
      if (frame.type === FRAME.ERROR) {
        const { code, message } = decodeError(frame.content);
        throw fail('UNAVAILABLE', `the server could not send its log: ${code}: ${message}`);
      }
      yield frame;
    }
  } catch (cause) {
    if (isLedgerError(cause, 'UNAVAILABLE')) throw cause;
    throw fail('UNAVAILABLE', 'the server ended before all was sent', { cause });
  } finally {
    socket.destroy();
  }
}

function connected(address: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(address, () => resolve(socket));
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED') resolve(undefined);
      else reject(fail('UNAVAILABLE', `the server cannot be reached at ${address}`, { cause }));
    });
  });
}

/** As short as it can be written. */
function addressOf(path: string): string | undefined {
  const names = [path, relative(process.cwd(), path)].sort((a, b) => a.length - b.length);
  return Buffer.byteLength(names[0]!) > LONGEST_PATH ? undefined : names[0];
}
