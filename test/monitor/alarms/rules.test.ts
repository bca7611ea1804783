/** Watch rules: silent on every honest history, and each of them heard on one that breaks what it watches for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Statement, Verdict } from '../../../src/chain/index.ts';
import type { Bytes } from '../../../src/core/bytes.ts';
import { WATCH_RULES } from '../../../src/monitor/alarms/rules/index.ts';
import { RuleWatch } from '../../../src/monitor/alarms/watch.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';
import type { ReplayedRun } from '../../../src/replay/index.ts';
import { type Action, history, movesOf } from '../../chain/lifecycle-actions.ts';
import { base, goOn } from '../../chain/lifecycle-base.ts';
import type { World } from '../../chain/world.ts';

/** An accepted entry, as a test can change it. */
interface Entry {
  readonly kind: string;
  readonly issuer: string;
  readonly body: Body;
  readonly reason: string | null;
  readonly time: number;
}
// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind.
type Body = any;

function entriesOf({ entries }: World): Entry[] {
  return entries.flatMap(({ applied: { statement, verdict }, time }) =>
    verdict.outcome === 'ok' && statement?.chain
      ? [
          {
            kind: statement.chain.kind,
            issuer: statement.issuer,
            body: statement.body,
            reason: verdict.reason,
            time,
          },
        ]
      : [],
  );
}

function runOf({ kind, issuer, body, reason, time }: Entry, index: number): ReplayedRun {
  const statement = { chain: { kind }, issuer, body } as unknown as Statement;
  const verdict: Verdict = { index, outcome: 'ok', reason };
  return { entries: [{ index, statement, verdict }], tip: { time } } as unknown as ReplayedRun;
}

function watched(entries: readonly Entry[], watch = new RuleWatch()): string[] {
  return entries.flatMap((entry, index) => watch.observe(runOf(entry, index)).map(({ code }) => code));
}

const signed = base(nodeCrypto);
function play(actions: readonly Action[]): World {
  const here = goOn(signed);
  for (const action of actions) {
    for (const { step } of movesOf(here, action)) {
      here.world.advance(1);
      here.telling.log(step);
    }
  }
  return here.world;
}
const go = (times: number) =>
  Array.from({ length: times }, (): Action => ({ what: 'go', room: 1, i: 0, k: 0 }));

const honest = entriesOf(play(go(12)));
const first = (kind: string) => honest.findIndex((entry) => entry.kind === kind);
const without = (kind: string) => honest.filter((entry) => entry.kind !== kind);
const changed = (kind: string, change: (body: Body) => object) =>
  honest.map((entry) =>
    entry.kind === kind ? { ...entry, body: { ...entry.body, ...change(entry.body) } } : entry,
  );
/** Something that is logged before the first entry of `kind`. */
const before = (kind: string, entry: Pick<Entry, 'kind' | 'body'> & Partial<Entry>) => {
  const at = first(kind);
  return honest.toSpliced(at, 0, {
    issuer: 'did:web:sro.example',
    reason: null,
    time: honest[at]!.time,
    ...entry,
  });
};
const bodyOf = (kind: string): Body => honest[first(kind)]!.body;
const again = (kind: string) => [...honest, { ...honest[first(kind)]!, time: honest.at(-1)!.time }];

const revoked = { kind: 'contract.revoke', body: { id: bodyOf('contract.propose').id } };
const suspended = { kind: 'participant.suspend', body: { did: bodyOf('contract.propose').parties.tdc } };
const withdrawn = {
  kind: 'dataset.withdraw',
  body: { id: bodyOf('dataset.register').id, version: 1 },
};
const lies: readonly (readonly [code: string, name: string, entries: readonly Entry[]])[] = [
  ['KEY_WITHOUT_ATTESTATION', 'nobody has appraised the clean room', without('cleanroom.appraise')],
  [
    'KEY_WITHOUT_ATTESTATION',
    'the verifier took it back',
    before('key.release', {
      ...honest[first('cleanroom.appraise')]!,
      body: { ...bodyOf('cleanroom.appraise'), result: 'contraindicated' },
    }),
  ],
  ['KEY_UNREQUESTED', 'nobody has asked for the key', without('key.request')],
  ['KEY_UNPAID', 'no payment is held', without('payment.hold')],
  ['KEY_AFTER_STOP', 'the contract was revoked', before('key.release', revoked)],
  ['KEY_AFTER_STOP', 'a signatory is suspended', before('key.release', suspended)],
  ['KEY_AFTER_STOP', 'a dataset was withdrawn', before('key.release', withdrawn)],
  ['KEY_TWICE', 'the clean room has the key', again('key.release')],
  [
    'KEY_DENIED',
    'the log has denied it',
    honest.map((entry) => (entry.kind === 'key.release' ? { ...entry, reason: 'BUDGET_EXHAUSTED' } : entry)),
  ],
  [
    'KEY_LATE',
    'the key came late',
    honest.map((entry) => (entry.kind === 'key.receive' ? { ...entry, time: entry.time + 4e6 } : entry)),
  ],
  [
    'KEY_LATE',
    'it had been cancelled',
    before('key.receive', { kind: 'key.cancel', body: { id: bodyOf('key.receive').id } }),
  ],
  ['RUN_WITHOUT_RESERVATION', 'no key was received', without('key.receive')],
  ['RUN_AFTER_STOP', 'the contract was revoked', before('run.start', revoked)],
  [
    'RUN_AFTER_STOP',
    'the code was revoked',
    before('run.start', { kind: 'code.revoke', body: { id: bodyOf('code.certify').id } }),
  ],
  ['RUN_OVER_PIPELINE', 'more ε than planned', changed('run.complete', () => ({ epsilon: 5e8 }))],
  ['RUN_OVER_PIPELINE', 'a run that never began', without('run.start')],
  [
    'SPEND_DECREASED',
    'less than before',
    before('run.complete', {
      kind: 'run.log',
      body: { run: bodyOf('run.complete').run, epsilon: 399_999_999, delta: 0 },
    }),
  ],
  ['BUDGET_OVER', 'more than the provider has allowed', changed('run.complete', () => ({ delta: 9e8 }))],
  [
    'OUTPUT_OPEN',
    'a file in the clear',
    changed('run.complete', ({ outputs }) => ({
      outputs: outputs.map((of: Body) => ({ ...of, private: false })),
    })),
  ],
  ['MODEL_WITHOUT_RUN', 'the run did not complete', without('run.complete')],
  [
    'MODEL_WITHOUT_RUN',
    'a file that was not declared',
    changed('model.release', () => ({ digest: new Uint8Array(32) })),
  ],
  ['MODEL_AFTER_STOP', 'a signatory is suspended', before('model.release', suspended)],
  ['MODEL_UNPAID', 'a payment is not settled', without('payment.settle')],
  [
    'MODEL_TO_STRANGER',
    'somebody else gets it',
    changed('model.release', () => ({ to: 'did:web:elsewhere.example' })),
  ],
  ['ROOM_WITHOUT_CONTRACT', 'nobody has signed', without('contract.sign')],
  ['ROOM_AFTER_STOP', 'the contract was revoked', before('cleanroom.deploy', revoked)],
  [
    'ROOM_BEYOND_CONTRACT',
    'more ε than the contract allows',
    changed('cleanroom.deploy', (body) => ({
      public: { ...body.public, privacy: { epsilon: 9e8, delta: 0 } },
    })),
  ],
];

describe('watch rules', () => {
  it('have nothing to say of a run from its contract to its model', () => {
    for (const kind of [
      'cleanroom.deploy',
      'key.release',
      'run.complete',
      'payment.settle',
      'model.release',
    ]) {
      assert.ok(first(kind) >= 0, kind);
    }
    assert.deepEqual(watched(honest), []);
  });

  it('are silent on honest histories, whatever happens in them', () => {
    const property = fc.property(history(30), (actions) => {
      const critical = watched(entriesOf(play(actions))).filter((code) => !/^KEY_(DENIED|LATE)$/.test(code));
      assert.deepEqual(critical, []);
    });
    fc.assert(property, { numRuns: 15 });
  });

  for (const [code, name, entries] of lies) {
    it(`${code}: ${name}`, () => assert.ok(watched(entries).includes(code), String(watched(entries))));
  }

  it('are each heard in a test', () => {
    assert.deepEqual(
      WATCH_RULES.map(({ code }) => code).sort(),
      [...new Set(lies.map(([code]) => code))].sort(),
    );
  });

  it('go on where they were after a restart', async () => {
    const half = first('key.release');
    const rows = new Map<string, readonly [Bytes, Bytes | null]>();
    const before = new RuleWatch();
    honest.slice(0, half).forEach((entry, index) => {
      before.observe(runOf(entry, index));
      for (const row of before.changes()) rows.set(String(row[0]), row);
    });
    const after = new RuleWatch();
    await after.restore(
      (async function* () {
        for (const [key, value] of rows.values()) yield [key, value!] as const;
      })(),
    );
    assert.deepEqual(watched(honest.slice(half), after), []);
    assert.ok(
      watched(honest.slice(half)).includes('KEY_UNREQUESTED'),
      'and without what they knew, they would not',
    );
  });
});
