/** Nothing is open any more: the contract is completed. */
import { passing } from '../refused.ts';
import { declareStep } from './step.ts';

export const close = declareStep('close', async (cycle) => {
  const { terms, service, observe } = cycle;
  await passing('contract.complete', service.complete(terms.body('contract.propose').id));
  observe(cycle.one('CONTRACT_SERVICE').did, 'completed the contract');
});
