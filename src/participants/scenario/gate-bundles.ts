/**
 * What the gates have answered in a run, gathered from whoever asked them into one folder with the trust file, so that anybody can
 * verify it without a network: `aichain verify bundle`. What is kept is verified here first.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRequest } from '../../chain/index.ts';
import { type Bytes, fromBase64url } from '../../core/bytes.ts';
import { decodeBundle, proven, verifyBundle } from '../../verify/index.ts';
import { type KeptAnswer, keepAnswer } from '../gate-answers.ts';
import type { Cycle } from './cycle.ts';

/** @returns how many. @throws what is wrong with one of them */
export async function keepGateBundles(cycle: Cycle): Promise<number> {
  const { site, client, log } = cycle;
  const folder = site.path('bundles');
  copyFileSync(log.trust, join(folder, 'trust.json'));
  const answered = [
    ...bundlesIn(site.path('answers')),
    ...bundlesIn(site.path('kms', 'releases')),
    ...(await bundlesTold(cycle)),
  ].map((bundle) => ({ bundle, ...decodeBundle(bundle) }));
  answered.sort((a, b) => a.at - b.at);
  const kept: (KeptAnswer & { decision: string })[] = [];
  for (const { bundle, step, request } of answered) {
    const question = { step, request: readRequest(step, request) };
    const evidence = { crypto: site.crypto, trust: client.trust, bundle, question, now: Date.now() };
    const { recorded } = proven(verifyBundle({ ...evidence, archive: true, insecureTrustOperator: false }));
    kept.push({ ...keepAnswer(folder, kept.length + 1, bundle), decision: recorded.decision });
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
