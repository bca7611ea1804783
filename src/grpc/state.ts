/** aichain.v1.StateService: facts under the state root of a head. */
import { aichain } from '../proto/aichain.js';
import type { Ledger } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { headMessage } from './messages.ts';
import { type Method, unary } from './method.ts';
import { exact, owned } from './wire.ts';

const v1 = aichain.v1;

export function stateService(ledger: Ledger, limits: Limits): Record<string, Method> {
  return {
    GetFacts: unary(
      { request: v1.GetFactsRequest, response: v1.GetFactsResponse, maxFields: limits.options.facts + 1 },
      async (request) => {
        limits.checkFactKeys(request.keys);
        const size = request.size === null ? undefined : exact(request.size, 'size');
        const { head, tip, facts } = await ledger.facts(request.keys.map(owned), size);
        return {
          head: headMessage(head),
          tip: { index: tip.index, stateEntry: tip.stateEntry, path: [...tip.path] },
          facts: facts.map(({ key, value, proof }) => ({ key, value, proof })),
        };
      },
    ),
  };
}
