/** The contract: drafted by the contract service, proposed by the TDC, signed by everybody with a key of their own. */
import { fromBase64url, fromUtf8 } from '../../../core/bytes.ts';
import type { Sources } from '../../../depa/index.ts';
import type { Cycle } from '../cycle.ts';
import { passing } from '../refused.ts';
import { declareStep } from './step.ts';

export const agree = declareStep('agree', async (cycle) => {
  const toSign = await propose(cycle);
  await signAll(cycle, signatories(cycle), toSign);
});

/** Returns when whoever asks a gate finds the signatures: at a head that witness and replayer have seen. */
export async function signAll(cycle: Cycle, dids: readonly string[], toSign: object): Promise<void> {
  let last = -1;
  for (const did of dids) last = await sign(cycle, did, toSign);
  await cycle.witnessed(last);
}

/** @returns what is signed: body of contract.sign */
export async function propose(cycle: Cycle): Promise<object> {
  const { terms, sources, service, recorder, observe } = cycle;
  const text = (role: keyof Sources) => fromUtf8(sources[role]!.bytes);
  await service.draft({
    ...{ contract: text('contract'), overlay: text('overlay'), pipeline: text('pipeline') },
    ...{ dataset: text('dataset'), scenario: text('scenario'), policy: text('policy') },
  });
  const contract = terms.body('contract.propose');
  const tdc = cycle.one('TDC');
  const proposal = recorder.sign(tdc, 'contract.propose', contract);
  const entry = await passing('contract.propose', service.passOn('proposal', contract.id, proposal));
  observe(tdc.did, 'proposed the contract');
  const { id, version, text: digest } = contract;
  return { id, version, proposal: fromBase64url(entry.entryId), text: digest };
}

export function signatories({ terms }: Cycle): readonly string[] {
  const { parties } = terms.body('contract.propose');
  return [...new Set<string>([parties.tdc, ...parties.tdps, parties.ccrp])];
}

/** @param key whose signature it is: default, of the party itself. @returns the index of its entry */
export async function sign(
  cycle: Cycle,
  did: string,
  toSign: object,
  key = cycle.who(did).key,
): Promise<number> {
  const statement = cycle.recorder.sign({ did, key }, 'contract.sign', toSign);
  const { id } = cycle.terms.body('contract.propose');
  const { index } = await passing('contract.sign', cycle.service.passOn('signatures', id, statement));
  cycle.observe(did, 'signed the contract');
  return index;
}
