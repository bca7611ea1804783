/** The room is set up: its deployer says for which contract, code and pipeline, and the ledger whether that may be. */
import type { Bytes } from '../../core/bytes.ts';
import type { Agreed } from './agreed.ts';
import type { Author } from './author.ts';
import type { BaseModel } from './base-model.ts';
import { mountsOf, type Planned, type PlannedMount, publicPart } from './planned.ts';
import type { Site } from './site.ts';

export interface Deployed {
  /** URN of the room. */
  readonly id: string;
  /** Entry id of its deployment. */
  readonly entryId: Bytes;
  readonly mounts: readonly PlannedMount[];
  /** Unix seconds: what has not left by then never does. */
  readonly deadline: number;
}

/** @throws the ledger's refusal, such as PIPELINE_EPSILON_OVER_CONTRACT or MAX_RUNS_REACHED */
export async function deploy(
  site: Site,
  deployer: Author,
  agreed: Agreed,
  planned: Planned,
  { seconds, id, base }: { seconds: number; id: string; base: BaseModel | undefined },
): Promise<Deployed> {
  const mounts = mountsOf(planned, agreed.contract, site.origin);
  const deadline = Math.min(agreed.contract.expiry, Math.floor(Date.now() / 1000) + seconds);
  const body = {
    ...{ id, contracts: [agreed.id], code: agreed.code, pipeline: planned.commitment },
    ...{ public: publicPart(planned, mounts), deadline, ...(base && { baseModel: base.id }) },
  };
  const { index, entryId } = await deployer.register('cleanroom.deploy', body, site.signal, 'WITNESSED');
  site.said('deployed', id, index);
  const { did } = deployer;
  await site.pass('cleanroom.deploy', {
    ...{ cleanroom: id, deployer: did, code: agreed.code, pipeline: planned.commitment },
  });
  return { id, entryId, mounts, deadline };
}
