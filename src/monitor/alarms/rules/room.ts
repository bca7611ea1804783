/** What must hold when a clean room is set up. */
import { datasetName } from '../chronicle.ts';
import { declareRule } from '../rule.ts';

export const roomWithoutContract = declareRule({
  code: 'ROOM_WITHOUT_CONTRACT',
  severity: 'critical',
  meaning:
    'A clean room was deployed under a contract that its TDC and every TDP had not signed, or whose term was over.',
  kinds: ['cleanroom.deploy'],
  breach({ body, time }, before) {
    for (const id of body.contracts) {
      const contract = before.contracts.get(id);
      if (!contract) return `${id} was never proposed`;
      const missing = [contract.tdc, ...contract.tdps].find((did) => !contract.signed.includes(did));
      if (missing !== undefined) return `${missing} has not signed ${id}`;
      if (time > contract.expiry * 1000) return `the term of ${id} is over`;
    }
    return undefined;
  },
});

export const roomAfterStop = declareRule({
  code: 'ROOM_AFTER_STOP',
  severity: 'critical',
  meaning:
    'A clean room was deployed after a revocation, withdrawal or suspension of its contract, a signatory, a dataset or the code.',
  kinds: ['cleanroom.deploy'],
  breach({ body, time }, before) {
    const subjects = body.contracts.flatMap((id) => [id, ...(before.contracts.get(id)?.signed ?? [])]);
    const datasets = body.public.datasets.map(({ dataset, version }) => datasetName(dataset, version));
    return before.stopOf([...subjects, ...datasets, body.code], time);
  },
});

export const roomBeyondContract = declareRule({
  code: 'ROOM_BEYOND_CONTRACT',
  severity: 'critical',
  meaning: 'A clean room was deployed with a dataset, or for more ε or δ of one, than its contracts allow.',
  kinds: ['cleanroom.deploy'],
  breach({ body }, before) {
    const contracts = body.contracts.flatMap((id) => before.contracts.get(id) ?? []);
    for (const { dataset, version } of body.public.datasets) {
      const of = contracts.filter(({ datasets }) =>
        datasets.some(([id, number]) => id === dataset && number === version),
      );
      if (of.length === 0) return `${datasetName(dataset, version)} is in none of its contracts`;
      const { epsilon, delta } = body.public.privacy;
      const over = of.some(({ privacy }) => {
        const most = privacy[dataset];
        return most && (epsilon > most.epsilon || delta > most.delta);
      });
      if (over) return `ε ${epsilon}, δ ${delta} of ${dataset} is more than its contract allows`;
    }
    return undefined;
  },
});
