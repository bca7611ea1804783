/** How many proofs a second one server process makes, of a log as it lies on disk. */
import { equal } from '../../src/core/bytes.ts';
import { rootFromInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { aichain } from '../../src/proto/aichain.js';
import { type Capacity, grpcCapacity, httpCapacity, LOADERS } from '../capacity.ts';
import type { CeilingName } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { failedCalls } from '../counters.ts';
import { grpcLoad } from '../grpc-load.ts';
import type { Measure, Suite } from '../main.ts';
import { portOf, startBenchServer } from '../server.ts';
import { writeStoredLog } from '../stored-log.ts';

const { GetInclusionRequest, GetInclusionResponse, GetConsistencyRequest } = aichain.v1;
const MOST = 100_000;
const INCLUSION = '/aichain.v1.LogService/GetInclusion';
const CONSISTENCY = '/aichain.v1.LogService/GetConsistency';
const PATHS = 256;

export const suite: Suite = {
  describe: `asks for proofs: gRPC by ${LOADERS.grpc === 'own' ? 'our own loader' : LOADERS.grpc}, HTTP by ${LOADERS.http === 'own' ? 'our own loader' : LOADERS.http}`,
  ceilings: ['grpc-js echo', 'fastify GET 8 KiB'],
  entries: { most: MOST },
  async run({ entries, progress }) {
    const dataDir = temporaryFolder('proofs');
    try {
      await writeStoredLog(dataDir, Math.min(entries, MOST));
      const server = await startBenchServer(dataDir);
      try {
        await server.settled();
        const [grpc, http] = [portOf(server.grpc), portOf(server.http)];
        const size = await verifiedInclusions(grpc, progress);
        const index = Math.floor(size / 3);
        const overGrpc = (path: string, message: Uint8Array) =>
          grpcCapacity(
            { port: grpc, cpu: server.cpu, failed: () => failedCalls(server.http) },
            path,
            message,
          );
        const inclusion = await overGrpc(INCLUSION, GetInclusionRequest.encode({ index }).finish());
        const consistency = await overGrpc(
          CONSISTENCY,
          GetConsistencyRequest.encode({ from: index }).finish(),
        );
        const paths = indices(size).map((leaf) => `/v1/inclusion/${leaf}`);
        const json = await httpCapacity({ port: http, cpu: server.cpu }, paths);
        const [echo, get] = ['grpc-js echo', 'fastify GET 8 KiB'] as const;
        return [
          { name: 'leaves', value: size, unit: '' },
          line('inclusion, gRPC', inclusion, echo, 0.8),
          line('consistency, gRPC', consistency, echo),
          line('inclusion, HTTP JSON, leaves all over', json, get),
        ];
      } finally {
        await server.stop();
      }
    } finally {
      removeFolder(dataDir);
    }
  },
};

function line(name: string, { rate, cpu }: Capacity, of: CeilingName, share?: number): Measure {
  return { name, value: rate, unit: '/s', cpu, of, ...(share === undefined ? {} : { share }) };
}

function indices(size: number): number[] {
  return Array.from({ length: PATHS }, (_, i) => Math.floor((i * size) / PATHS));
}

function asked(leaves: readonly number[]): Uint8Array[] {
  return leaves.map((index) => GetInclusionRequest.encode({ index }).finish());
}

/** What is fast and wrong is not fast. @returns leaves of the log */
async function verifiedInclusions(port: number, progress: (text: string) => void): Promise<number> {
  const sizeOf = (body: Uint8Array) => Number(GetInclusionResponse.decode(body).head!.size);
  const [first] = (await grpcLoad({ port, path: INCLUSION, messages: asked([0]) })).sample;
  const size = sizeOf(first!.body);
  const spread = indices(size);
  let verified = 0;
  for (const index of spread) {
    const { sample } = await grpcLoad({
      port,
      path: INCLUSION,
      messages: asked([index]),
      connections: 1,
      streams: 1,
    });
    const { leafHash, path, head } = GetInclusionResponse.decode(sample[0]!.body);
    const root = rootFromInclusion(
      crypto,
      index,
      Number(head!.size),
      leafHash as Uint8Array,
      path as Uint8Array[],
    );
    if (!equal(root, head!.root as Uint8Array)) throw new Error(`the proof of leaf ${index} does not verify`);
    verified++;
  }
  progress(`${verified} proofs verified`);
  return size;
}
