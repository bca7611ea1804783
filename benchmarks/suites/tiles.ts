/** How many tiles a second one server process gives out, against a fastify that does nothing else. */
import { httpCapacity, LOADERS } from '../capacity.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import type { Measure, Suite } from '../main.ts';
import { portOf, startBenchServer } from '../server.ts';
import { writeStoredLog } from '../stored-log.ts';

const MOST = 100_000;
const TILE_WIDTH = 256;

export const suite: Suite = {
  describe: `asks for full tiles and entry bundles all over the log, by ${LOADERS.http === 'own' ? 'our own loader' : LOADERS.http}`,
  ceilings: ['fastify GET 8 KiB', 'the same with our headers'],
  async run({ entries }) {
    const dataDir = temporaryFolder('tiles');
    try {
      const leaves = Math.min(entries, MOST);
      await writeStoredLog(dataDir, leaves);
      const server = await startBenchServer(dataDir);
      try {
        await server.settled();
        const asked = { port: portOf(server.http), cpu: server.cpu };
        const full = Math.floor(leaves / TILE_WIDTH);
        const measured = async (name: string, kind: string, share?: number): Promise<Measure> => {
          const paths = Array.from({ length: full }, (_, n) => `/tile/${kind}/${String(n).padStart(3, '0')}`);
          const { rate, cpu } = await httpCapacity(asked, paths);
          const measure = { name, value: rate, unit: '/s', cpu, of: 'fastify GET 8 KiB' as const };
          return share === undefined ? measure : { ...measure, share };
        };
        return [
          await measured('tiles of hashes', '0', 0.85),
          await measured('bundles of leaf data', 'entries'),
          await measured('bundles of statements', 'statements'),
        ];
      } finally {
        await server.stop();
      }
    } finally {
      removeFolder(dataDir);
    }
  },
};
