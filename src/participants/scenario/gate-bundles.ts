/**
 * What the gates have answered in a run, gathered from whoever asked them into one folder with the trust file, so that anybody can
 * verify it without a network: `aichain verify bundle`. What is kept is verified here first.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRequest } from '../../chain/index.ts';
import { type Bytes, fromBase64url, toBase64url } from '../../core/bytes.ts';
import type { Cbor } from '../../core/cbor.ts';
import { decodeBundle, proven, verifyBundle } from '../../verify/index.ts';
import type { Cycle } from './cycle.ts';

/** @returns how many. @throws what is wrong with one of them */
export async function keepGateBundles(cycle: Cycle): Promise<number> {
  const { site, client, log, found } = cycle;
  const folder = site.path('bundles');
  copyFileSync(log.trust, join(folder, 'trust.json'));
  const answered = [
    ...bundlesIn(join(found.delivery!, 'proofs')),
    ...bundlesIn(site.path('kms', 'releases')),
    ...(await bundlesTold(cycle)),
  ].map((bundle) => ({ bundle, ...decodeBundle(bundle) }));
  answered.sort((a, b) => a.at - b.at);
  const kept: { bundle: string; step: string; request: string; decision: string }[] = [];
  for (const { bundle, step, request } of answered) {
    const question = { step, request: readRequest(step, request) };
    const evidence = { crypto: site.crypto, trust: client.trust, bundle, question, now: Date.now() };
    const { recorded } = proven(verifyBundle({ ...evidence, archive: true, insecureTrustOperator: false }));
    const name = `${String(kept.length + 1).padStart(3, '0')}-${step}`;
    writeFileSync(join(folder, `${name}.bundle`), bundle);
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(jsonOf(request), null, 2)}\n`);
    kept.push({ bundle: `${name}.bundle`, step, request: `${name}.json`, decision: recorded.decision });
  }
  writeFileSync(join(folder, 'index.json'), `${JSON.stringify(kept, null, 2)}\n`);
  return kept.length;
}

function bundlesIn(folder: string): Bytes[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.bundle'))
    .map((name) => Uint8Array.from(readFileSync(join(folder, name))));
}

/** Of what the contract service has told: contracts in force, and payments that were earned. */
async function bundlesTold({ service }: Cycle): Promise<Bytes[]> {
  const bundles: Bytes[] = [];
  for (let after = 0; ; ) {
    const { events } = await service.events(after);
    for (const { sequence, data } of events) {
      const { bundle } = data as { readonly bundle?: unknown };
      if (typeof bundle === 'string') bundles.push(fromBase64url(bundle));
      after = sequence;
    }
    if (events.length === 0) return bundles;
  }
}

/** As the command line takes a request. */
function jsonOf(value: Cbor): unknown {
  if (value instanceof Uint8Array) return { $bytes: toBase64url(value) };
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, each]) => [String(name), jsonOf(each)]));
  return value;
}
