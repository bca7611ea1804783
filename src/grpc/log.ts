/** aichain.v1.LogService: what the log says, with proofs. */
import { fail } from '../core/errors.ts';
import { aichain } from '../proto/aichain.js';
import type { Ledger, Status } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { entryMessage, headMessage } from './messages.ts';
import { type Method, serverStream, unary } from './method.ts';
import { consistencyMessage, inclusionMessage } from './proof-message.ts';
import { entryOf, exact } from './wire.ts';

const v1 = aichain.v1;

type Witnessing = NonNullable<Status['witnessing']>;

export function logService(ledger: Ledger, limits: Limits): Record<string, Method> {
  return {
    GetInfo: unary({ request: v1.GetInfoRequest, response: v1.GetInfoResponse }, () => {
      const { origin, verifierKey, genesis, simulated, rules } = ledger;
      const { accepting, reason, size, queued, witnessing = null } = ledger.status();
      const standing = {
        accepting,
        reason: reason ?? '',
        size,
        queued,
        witnessing: witnessing && standingOf(witnessing),
      };
      return { origin, verifierKey, genesis, simulated, rules, ...standing };
    }),

    GetCheckpoint: unary({ request: v1.GetCheckpointRequest, response: v1.GetCheckpointResponse }, () => ({
      head: headMessage(ledger.checkpoint()),
    })),

    GetInclusion: unary({ request: v1.GetInclusionRequest, response: inclusionMessage }, (request) =>
      ledger.inclusion(entryOf(request), size(request.size)),
    ),

    GetConsistency: unary({ request: v1.GetConsistencyRequest, response: consistencyMessage }, (request) =>
      ledger.consistency(exact(request.from, 'from'), size(request.to)),
    ),

    GetEntry: unary({ request: v1.GetEntryRequest, response: v1.GetEntryResponse }, async (request) => ({
      entry: entryMessage(await ledger.entry(entryOf(request))),
    })),

    GetEntries: serverStream(
      { request: v1.GetEntriesRequest, response: v1.GetEntriesResponse },
      async function* ({ start, count }, { signal }) {
        const { size } = ledger.head();
        const end = count === 0 ? size : Math.min(size, exact(start, 'start') + exact(count, 'count'));
        let next = exact(start, 'start');
        if (next > size) throw fail('SIZE_NOT_AVAILABLE', `the log has ${size} entries`);
        while (next < end && !signal.aborted) {
          const page = await ledger.entries(next, Math.min(end - next, limits.options.pageEntries));
          if (page.length === 0) return;
          next += page.length;
          yield { entries: page.map(entryMessage) };
        }
      },
    ),

    GetEffect: unary({ request: v1.GetEffectRequest, response: v1.GetEffectResponse }, async (request) => {
      const effect = await ledger.effect(exact(request.index, 'index'));
      const { statePath, verdictPath, head } = effect;
      return { ...effect, statePath: [...statePath], verdictPath: [...verdictPath], head: headMessage(head) };
    }),

    Follow: serverStream(
      { request: v1.FollowRequest, response: v1.FollowResponse },
      async function* (_request, { signal }) {
        const heads = ledger.follow(signal)[Symbol.asyncIterator]();
        // Listen first, then look: no head can fall in between.
        let next = heads.next();
        let { size } = ledger.head();
        yield { head: headMessage(ledger.head()) };
        for (let result = await next; !result.done; result = await next) {
          next = heads.next();
          if (result.value.size <= size) continue;
          size = result.value.size;
          yield { head: headMessage(result.value) };
        }
      },
    ),

    GetKeys: unary({ request: v1.GetKeysRequest, response: v1.GetKeysResponse }, () => ({
      verifierKey: ledger.verifierKey,
      receiptKeys: ledger.keySet(),
    })),
  };
}

function standingOf({ size, freshness, witnesses }: Witnessing): aichain.v1.Witnessing.$Properties {
  const health = witnesses.map((witness) => ({ ...witness, error: witness.error ?? '' }));
  return { size, freshness, witnesses: health };
}

function size(value: number | null): number | undefined {
  return value === null ? undefined : exact(value, 'size');
}
