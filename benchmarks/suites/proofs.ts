/** How many proofs a second one server process makes, of a log as it lies on disk. */
import type { Bytes } from '../../src/core/bytes.ts';
import { aichain } from '../../src/proto/aichain.js';
import { type Capacity, grpcCapacity, httpCapacity, LOADERS } from '../capacity.ts';
import type { CeilingName } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { failedCalls } from '../counters.ts';
import type { Measure, Suite } from '../main.ts';
import { CONSISTENCY, INCLUSION, ProofCheck } from '../proof-check.ts';
import { type BenchServer, portOf, startBenchServer } from '../server.ts';
import { headOf } from '../signed-head.ts';
import { writeStoredLog } from '../stored-log.ts';

const { GetInclusionRequest, GetConsistencyRequest } = aichain.v1;
const MOST = 100_000;
const PATHS = 256;
/** Older trees of which consistency is verified: of each the root is computed. */
const OLDER = 16;

export const suite: Suite = {
  describe: `asks for proofs: gRPC by ${LOADERS.grpc === 'own' ? 'our own loader' : LOADERS.grpc}, HTTP by ${LOADERS.http === 'own' ? 'our own loader' : LOADERS.http}`,
  ceilings: ['grpc-js echo', 'fastify GET 8 KiB'],
  entries: { most: MOST },
  async run({ entries, progress }) {
    const dataDir = temporaryFolder('proofs');
    try {
      const leaves: Bytes[] = [];
      await writeStoredLog(dataDir, entries, { leaf: (hash) => void leaves.push(hash) });
      const server = await startBenchServer(dataDir);
      try {
        await server.settled();
        const check = new ProofCheck(server, await headOf(server, dataDir), leaves);
        const before = await verified(check, leaves.length);
        const measures = await measure(server, leaves.length);
        // What is kept in memory by now is what has been handed out.
        const after = await verified(check, leaves.length);
        progress(`${before} proofs verified before, ${after} after`);
        return measures;
      } finally {
        await server.stop();
      }
    } finally {
      removeFolder(dataDir);
    }
  },
};

/** The leaf, and the size of the older tree, that every gRPC call asks about: that loader has one message. */
function third(size: number): number {
  return Math.floor(size / 3);
}

function spread(size: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * size) / count));
}

/** All that is asked for while the clock runs is among it. @returns how many there were. @throws one is not right */
async function verified(check: ProofCheck, size: number): Promise<number> {
  const older = spread(size, OLDER).slice(1);
  return (
    (await check.inclusions([third(size), ...spread(size, PATHS)])) +
    (await check.consistencies([third(size), ...older])) +
    (await check.inclusionsInJson(spread(size, PATHS)))
  );
}

async function measure(server: BenchServer, size: number): Promise<Measure[]> {
  const index = third(size);
  const asked = { port: portOf(server.grpc), cpu: server.cpu, failed: () => failedCalls(server.http) };
  const overGrpc = (path: string, message: Bytes) => grpcCapacity(asked, path, message);
  const inclusion = await overGrpc(INCLUSION, GetInclusionRequest.encode({ index }).finish());
  const consistency = await overGrpc(CONSISTENCY, GetConsistencyRequest.encode({ from: index }).finish());
  const paths = spread(size, PATHS).map((leaf) => `/v1/inclusion/${leaf}`);
  const json = await httpCapacity({ port: portOf(server.http), cpu: server.cpu }, paths);
  const [echo, get] = ['grpc-js echo', 'fastify GET 8 KiB'] as const;
  return [
    { name: 'leaves', value: size, unit: '' },
    line('inclusion, gRPC', inclusion, echo, 0.8),
    line('consistency, gRPC', consistency, echo),
    line('inclusion, HTTP JSON, leaves all over', json, get),
  ];
}

function line(name: string, { rate, cpu }: Capacity, of: CeilingName, share?: number): Measure {
  return { name, value: rate, unit: '/s', cpu, of, ...(share === undefined ? {} : { share }) };
}
