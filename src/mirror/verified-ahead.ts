/**
 * Signatures are verified ahead of the replay, in worker threads, some bundles at a time: that is most of the work. What
 * could not be verified there, such as under a key that a statement just before registers, the replay does itself.
 */
import { equal } from '../core/bytes.ts';
import { packStatements, unpackAdmissions, type Verifier } from '../log/index.ts';
import type { ReplayLeaf } from '../replay/index.ts';
import type { LogLeaf } from '../tiles/index.ts';

/** Bundles under way, beside the one that is replayed. */
const AHEAD = 4;
/** Bytes of one request. */
const PORTION = 1 << 20;

/** The leaves, in their order. */
export async function* verifiedAhead(
  bundles: AsyncIterable<readonly LogLeaf[]>,
  verifier: Verifier,
): AsyncGenerator<readonly ReplayLeaf[]> {
  const underWay: Promise<readonly ReplayLeaf[]>[] = [];
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const leaves of bundles) {
      const verified = verify(leaves, verifier);
      verified.catch(() => undefined); // it is waited for in its turn
      underWay.push(verified);
      if (underWay.length > AHEAD) yield await underWay.shift()!;
    }
  } catch (error) {
    failure = { error };
  }
  // What came before a failure counts: a copy over a bad line gets further each time.
  for (const verified of underWay) yield await verified;
  if (failure) throw failure.error;
}

async function verify(leaves: readonly LogLeaf[], verifier: Verifier): Promise<readonly ReplayLeaf[]> {
  const found = new Map<number, boolean>();
  await Promise.all(
    portions(leaves).map(async (portion) => {
      const statements = portion.map(({ statement }) => statement);
      const answer = await verifier.verify(packStatements(statements));
      unpackAdmissions(statements, answer).forEach((admission, i) => {
        // Of other bytes than these it says nothing.
        const same = admission.outcome === 'admitted' && equal(admission.statement, statements[i]!);
        found.set(portion[i]!.index, same && admission.verified);
      });
    }),
  );
  return leaves.map((leaf) => ({ ...leaf, verified: found.get(leaf.index) ?? false }));
}

type Statement = LogLeaf & { readonly statement: Uint8Array };

function portions(leaves: readonly LogLeaf[]): Statement[][] {
  const portions: Statement[][] = [];
  let bytes = PORTION;
  for (const leaf of leaves) {
    if (!isStatement(leaf)) continue;
    if (bytes + leaf.statement.length > PORTION) {
      portions.push([]);
      bytes = 0;
    }
    portions.at(-1)!.push(leaf);
    bytes += leaf.statement.length;
  }
  return portions;
}

function isStatement(leaf: LogLeaf): leaf is Statement {
  return leaf.statement !== null;
}
