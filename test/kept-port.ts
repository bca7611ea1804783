/** A port for a server that stops and comes again: one that the system gave may be another's by then. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what Linux, macOS and Windows deal out by themselves. */
const [FIRST, LAST] = [10_240, 32_767];
const TRIES = 100;

/** A free port of the loopback that nobody is given who asks for any. */
export async function keptPort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // Taken.
    }
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`none of ${TRIES} ports is free`);
}
