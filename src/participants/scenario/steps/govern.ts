/** The regulator says by which rules; until then nobody can take part. */
import { createSimulator } from '../../cleanroom/index.ts';
import { governance } from '../governance.ts';
import { declareStep } from './step.ts';

export const govern = declareStep(
  'govern',
  async ({ site, client, terms, recorder, sro, observe, found }) => {
    const simulator = await createSimulator(site.crypto, site.path('platform.simulator'));
    const published = governance(site.crypto, client.trust.origin, terms, simulator);
    for (const { kind, body } of published.statements) await recorder.log(sro, kind, body);
    found.agreement = published.agreement;
    observe(sro.did, 'published policy, agreement, anchors, appraisal policy; certified the code');
  },
);
