/** A host that asks no gate, but tells the log that it has set a room up. */
import { randomUUID } from 'node:crypto';
import { mountsOf, publicPart, readPlan } from '../../cleanroom/planned.ts';
import type { Cycle } from '../cycle.ts';
import { pipelineFilesOf } from '../room-process.ts';

/** An hour, as every room has. */
const LIFETIME = 3600;

/** @throws Refused by the log */
export async function deployUnasked(cycle: Cycle): Promise<void> {
  const { site, client, terms, recorder } = cycle;
  const { origin } = client.trust;
  const contract = terms.body('contract.propose');
  const planned = readPlan(site.crypto, pipelineFilesOf(cycle));
  const deadline = Math.min(contract.expiry, Math.floor(Date.now() / 1000) + LIFETIME);
  await recorder.log(cycle.one('CCRP'), 'cleanroom.deploy', {
    ...{ id: `urn:depa:cleanroom:${origin}:${randomUUID()}`, contracts: [contract.id] },
    ...{ code: contract.code[0], pipeline: planned.commitment, deadline },
    public: publicPart(planned, mountsOf(planned, contract, origin)),
  });
}
