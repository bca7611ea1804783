#!/usr/bin/env node
/** The process `aichain`: real streams, signals, exit code. Everything else is in program.ts. */
import { keepTickShape } from '../platform/tick-shape.ts';
import { run } from './program.ts';

keepTickShape();

const interrupted = new AbortController();
const stop = () => interrupted.abort();
process.once('SIGINT', stop);
process.once('SIGTERM', stop);

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has gone (`aichain … | head -1`): say nothing, and let the command end with its own exit code.
    if (error.code !== 'EPIPE') throw error;
    stop();
  });
}

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupted.signal,
});
