/** How many tiles a second one server process gives out, against a fastify that does nothing else. */
import { type Bytes, equal } from '../../src/core/bytes.ts';
import {
  HASH_LENGTH,
  hashesOf,
  leafHash,
  parseEntryBundle,
  parseStatementBundle,
  TILE_WIDTH,
  type TileKind,
  tilePath,
  tileWidth,
  treeRoot,
} from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { SignedTreeHead } from '../../src/verify/index.ts';
import { httpCapacity, LOADERS } from '../capacity.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import type { Measure, Suite } from '../main.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';
import { headOf } from '../signed-head.ts';
import { writeStoredLog } from '../stored-log.ts';

const MOST = 100_000;

export const suite: Suite = {
  describe: `asks for full tiles and entry bundles all over the log, by ${LOADERS.http === 'own' ? 'our own loader' : LOADERS.http}`,
  ceilings: ['fastify GET 8 KiB', 'the same with our headers'],
  entries: { least: TILE_WIDTH, most: MOST },
  async run({ entries, progress }) {
    const dataDir = temporaryFolder('tiles');
    try {
      await writeStoredLog(dataDir, entries);
      const server = await startBenchServer(dataDir);
      try {
        await server.settled();
        const asked = { port: portOf(server.http), cpu: server.cpu };
        const full = Math.floor(entries / TILE_WIDTH);
        const head = await headOf(server, dataDir);
        const before = await verifiedTiles(server, head);
        const measured = async (name: string, kind: TileKind, share?: number): Promise<Measure> => {
          const paths = Array.from({ length: full }, (_, n) => `/${tilePath(kind, n)}`);
          const { rate, cpu } = await httpCapacity(asked, paths);
          const measure = { name, value: rate, unit: '/s', cpu, of: 'fastify GET 8 KiB' as const };
          return share === undefined ? measure : { ...measure, share };
        };
        const measures = [
          await measured('tiles of hashes', 0, 0.85),
          await measured('bundles of leaf data', 'entries'),
          await measured('bundles of statements', 'statements'),
        ];
        // What is kept in memory by now is what has been handed out.
        const after = await verifiedTiles(server, head);
        progress(`${before} tiles and bundles verified before, ${after} after`);
        return measures;
      } finally {
        await server.stop();
      }
    } finally {
      removeFolder(dataDir);
    }
  },
};

/**
 * What is fast and wrong is not fast: all tiles of leaf hashes have to hash to the signed root, all leaf data to the hashes, and
 * all statements to the leaf data.
 * @returns how many tiles and bundles there were
 * @throws one does not
 */
async function verifiedTiles({ http }: BenchServer, { size, root }: SignedTreeHead): Promise<number> {
  const count = Math.ceil(size / TILE_WIDTH);
  const tile = async (kind: TileKind, n: number): Promise<Bytes> => {
    const path = tilePath(kind, n, tileWidth(0, n, size));
    const answer = await fetch(new URL(`/${path}`, http));
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const hashes: Bytes[] = [];
  for (let n = 0; n < count; n++) {
    const tiled = hashesOf(await tile(0, n));
    const data = parseEntryBundle(await tile('entries', n));
    const statements = parseStatementBundle(await tile('statements', n));
    const fit = tiled.every((hash, i) => {
      const [leaf, statement] = [data[i]!, statements[i]!];
      // A leaf without a statement is a state entry, which is longer than a hash.
      const own = statement ? equal(leaf, crypto.sha256(statement)) : leaf.length > HASH_LENGTH;
      return own && equal(hash, leafHash(crypto, leaf));
    });
    const whole = tiled.length === data.length && tiled.length === statements.length;
    if (!whole || !fit) throw new Error(`the bundles ${n} are not what the tile of hashes says`);
    hashes.push(...tiled);
  }
  if (hashes.length !== size || !equal(treeRoot(crypto, hashes), root)) {
    throw new Error('the tiles of hashes are not those of the signed root');
  }
  return 3 * count;
}
