/** The COVID-19 run up to its last grant, in its own log: what the bundle of a key release is there like. */
import type { Cbor } from '../../src/core/cbor.ts';
import type { Crypto } from '../../src/core/crypto.ts';
import type { Bundle } from '../../src/verify/bundle.ts';
import { Story, type Told } from '../chain/story.ts';
import { covid, publishedEpsilons } from '../depa/scenario.ts';
import { SmallLog } from './small-log.ts';

export interface GrantedRelease {
  readonly log: SmallLog;
  /** What the KMS asks. @param full read again what the machine had read */
  request(full: boolean): Cbor;
}

export function grantedRelease(crypto: Crypto): GrantedRelease {
  const { log } = SmallLog.begin(crypto);
  const { world } = log;
  const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
  const story = Story.of(world, { sources: covid(), training });
  const entries = new Map<string, number>();
  const told: Told = { ref: (step, rel = 'after') => world.ref(rel, entries.get(step)!) };
  for (const step of story.steps()) {
    if (step.kind === 'key.receive') break;
    entries.set(step.name, log.commit(step.statement(told)));
  }
  const [{ dataKeyId }] = story.contract.datasets;
  return {
    log,
    request: (full) => ({
      ...{ release: story.urn('release', 100), kms: story.member('kms').did, dataKeyId },
      ...{ nonce: story.digest('nonce icmr 1'), wrapKid: crypto.sha256(story.wrapKey('room 1')) },
      ...(full && { full }),
    }),
  };
}

/** Bytes without the checkpoint's signature lines, of which there are as many as there are witnesses. */
export function sizeWithoutLines(bundle: Uint8Array, { checkpoint }: Pick<Bundle, 'checkpoint'>): number {
  return bundle.length - (checkpoint.length - checkpoint.indexOf('\n\n') - 2);
}
