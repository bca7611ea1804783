/** The regulator says by which rules; until then nobody can take part. */
import { governance } from '../governance.ts';
import { declareStep } from './step.ts';

export const govern = declareStep('govern', async (cycle) => {
  const { site, client, terms, recorder, sro, observe, found } = cycle;
  const published = governance(site.crypto, client.trust.origin, terms, await cycle.simulator);
  for (const { kind, body } of published.statements) await recorder.log(sro, kind, body);
  found.agreement = published.agreement;
  observe(sro.did, 'published policy, agreement, anchors, appraisal policy; certified the code');
});
