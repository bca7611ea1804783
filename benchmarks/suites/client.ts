/** What a client can verify a second, on one thread: paths of a large tree, receipts, and whole bundles of gates. */
import {
  decodeReceipt,
  encodeInclusionReceipt,
  receiptProtected,
  signTreeHead,
  thumbprint,
  verifyInclusionReceipt,
} from '../../src/cose/index.ts';
import { leafHash, verifyInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { decodeBundle, proven, verifyBundle } from '../../src/verify/index.ts';
import { grantedRelease } from '../../test/verify/granted-release.ts';
import type { Measure, Suite } from '../main.ts';

/** Leaves of a tree whose paths have 20 hashes. */
const LEAVES = 2 ** 20;
const MILLISECONDS = 3000;
const WARM_UP = 500;
/**
 * The targets are 100,000 paths and 2,000 bundles a second on one core of two that hash 5,000,000 nodes and verify 27,100
 * signatures a second together. Both are judged: the rate here, and its share of what this machine does.
 */
const [PATHS, BUNDLES] = [100_000, 2000];
const PATH_SHARE = (PATHS * 20) / 5_000_000;
const BUNDLE_SHARE = BUNDLES / 27_100;

export const suite: Suite = {
  describe: 'verifies paths, receipts and bundles, on one thread',
  ceilings: ['P-256 verify', 'SHA-256 of nodes'],
  needs: ['../shared/data/depa/'],
  entries: 'own',
  async run() {
    const paths = rate(inclusion());
    const nodes = { of: 'SHA-256 of nodes', share: PATH_SHARE } as const;
    const measures: Measure[] = [
      { name: 'inclusion, 20 hashes', value: paths, unit: '/s', bound: { least: PATHS } },
      { name: 'their nodes', value: paths * 20, unit: '/s', ...nodes },
      { name: 'receipts of 20 hashes', value: rate(receipt()), unit: '/s', of: 'P-256 verify' },
    ];
    const granted = grantedRelease(crypto);
    for (const full of [false, true]) {
      const verify = await bundle(granted, full);
      const measure = {
        name: `${full ? 'full' : 'basic'} bundle of a key release`,
        value: rate(verify),
        unit: '/s',
      };
      const bound = { least: BUNDLES };
      const judged = { of: 'P-256 verify', share: BUNDLE_SHARE, bound } as const;
      measures.push({ ...measure, ...judged });
    }
    return measures;
  },
};

/** Calls a second, once it is warm. */
function rate(work: () => void): number {
  const warm = performance.now() + WARM_UP;
  while (performance.now() < warm) work();
  const started = performance.now();
  let count = 0;
  // Looking at the clock costs more than some of what is measured.
  while (performance.now() - started < MILLISECONDS) {
    for (let i = 0; i < 16; i++, count++) work();
  }
  return (count / (performance.now() - started)) * 1000;
}

/** Entries of a made-up tree, each with its path: any siblings give a root. */
function entries() {
  return Array.from({ length: 64 }, (_, n) => {
    const index = Math.floor((n * LEAVES) / 64);
    const proof = Array.from({ length: 20 }, () => crypto.randomBytes(32));
    const entryId = crypto.randomBytes(32);
    const leaf = leafHash(crypto, entryId);
    let root = leaf;
    for (const [level, sibling] of proof.entries()) {
      const right = Math.floor(index / 2 ** level) % 2 === 1;
      root = crypto.sha256(Uint8Array.of(1, ...(right ? [...sibling, ...root] : [...root, ...sibling])));
    }
    return { entryId, index, size: LEAVES, leafHash: leaf, proof, root };
  });
}

function inclusion(): () => void {
  const claims = entries();
  let next = 0;
  return () => verifyInclusion(crypto, claims[next++ % claims.length]!);
}

/** From its bytes, and the id of the entry that it has to be of; each is of another head. */
function receipt(): () => void {
  const key = crypto.generatePrivateKey('ES256');
  const [kid, origin] = [thumbprint(crypto, key.publicKey), 'bench.example/log'];
  const head = { kid, origin, service: 'https://bench.example', time: Date.now(), size: LEAVES };
  const protectedBytes = receiptProtected(head);
  const receipts = entries().map(({ entryId, index, size, proof: path, root }) => {
    const signature = signTreeHead(key, protectedBytes, root);
    return { entryId, bytes: encodeInclusionReceipt({ protectedBytes, signature, size, index, path }) };
  });
  let next = 0;
  return () => {
    const { entryId, bytes } = receipts[next++ % receipts.length]!;
    verifyInclusionReceipt(crypto, key.publicKey, decodeReceipt(bytes), entryId, { origin });
  };
}

async function bundle({ log, request: asked }: ReturnType<typeof grantedRelease>, full: boolean) {
  const request = asked(full);
  const { bundle } = await log.gate('key.release', request);
  if (decodeBundle(bundle).facts.length === 0) throw new Error('a bundle without facts');
  const question = { step: 'key.release', request };
  const evidence = { crypto, trust: log.trust(), bundle, question, now: log.world.time };
  return () => {
    const { outcome } = proven(verifyBundle({ ...evidence, insecureTrustOperator: true }));
    if (outcome !== 'allow') throw new Error(`the release is ${outcome}`);
  };
}
