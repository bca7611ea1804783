/** Programs on the pure core, bundled without node and run as a browser would run them. */
import assert from 'node:assert/strict';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';

export interface InBrowser {
  /** Paths of the sources that were bundled. */
  readonly sources: readonly string[];
  /** What the program set `globalThis.result` to. */
  readonly result: unknown;
}

/**
 * What a browser has, and nothing of node: no process, Buffer or require. It is a realm of its own, so a program makes byte
 * strings itself, of arrays of that realm.
 * @param given globals of the program
 */
export async function runInBrowser(program: string, given: Record<string, unknown>): Promise<InBrowser> {
  const bundle = await build({
    stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' },
    ...{ bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2022', metafile: true },
  });
  const sources = Object.keys(bundle.metafile!.inputs);
  const ofNode = sources.filter((path) => /^(?:node:|src\/platform\/)/.test(path));
  assert.deepEqual(ofNode, []);

  const sandbox: Record<string, unknown> = { ...given, outer: { TextEncoder, TextDecoder } };
  const context = createContext(sandbox);
  runInContext(
    `globalThis.TextEncoder = class {
       encode(text) { return Uint8Array.from(new outer.TextEncoder().encode(text)); }
       encodeInto(text, into) { return new outer.TextEncoder().encodeInto(text, into); }
     };
     globalThis.TextDecoder = outer.TextDecoder;`,
    context,
  );
  runInContext(bundle.outputFiles![0]!.text, context, { timeout: 60_000 });
  return { sources, result: sandbox.result };
}
