/** Random histories: what anybody may do next, sensible or not, and how the model hears of it. */
import fc from 'fast-check';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { DATASET } from '../../src/chain/records/dataset.ts';
import { RELEASE, type ReleaseRecord } from '../../src/chain/records/release.ts';
import type { Base } from './lifecycle-base.ts';
import { type Model, nameOf, type Try } from './lifecycle-model.ts';
import { PROVIDERS, type Step } from './story.ts';
import type { Applied } from './world.ts';

const PEOPLE = ['tdc', 'icmr', 'cowin', 'ccrp', 'verifier'] as const;
/** What gets a room on. */
const STEADY = [
  'go',
  'go',
  'keys',
  'affirm',
  'hold',
  'ask',
  'grant',
  'take',
  'log',
  'wait',
  'lift',
  'lift-data',
] as const;
/** What gets in its way, for a while. */
const TROUBLE = [
  ...[
    'deploy',
    'attest',
    'stale',
    'contraindicate',
    'cancel',
    'start',
    'complete',
    'fail',
    'abort',
    'settle',
  ],
  ...['release', 'terminate', 'again', 'suspend', 'stale-lift', 'suspend-data', 'stranger'],
] as const;
/** What nothing comes back from. */
const END = ['withdraw-data', 'revoke-contract', 'revoke-code', 'compromise'] as const;
type What = (typeof STEADY)[number] | (typeof TROUBLE)[number] | (typeof END)[number];

export interface Action {
  readonly what: What;
  /** 1 to 3. */
  readonly room: number;
  /** 0 to 2. */
  readonly i: number;
  /** 0 to 3. */
  readonly k: number;
}

const action: fc.Arbitrary<Action> = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<What>(...STEADY) },
      { weight: 5, arbitrary: fc.constantFrom<What>(...TROUBLE) },
      { weight: 1, arbitrary: fc.constantFrom<What>(...END) },
    ),
    fc.constantFrom(1, 1, 2),
    fc.nat({ max: 2 }),
    fc.nat({ max: 3 }),
  )
  .map(([what, room, i, k]) => ({ what, room, i, k }));

/** Rooms that are attested before anything else happens, then this and that. */
export function history(max: number): fc.Arbitrary<readonly Action[]> {
  const ready = (rooms: number): Action[] =>
    Array.from({ length: 2 * rooms }, (_, at) => ({ what: 'go', room: 1 + (at >> 1), i: 0, k: 0 }));
  return fc
    .tuple(fc.constantFrom(0, 1, 1, 2, 3), fc.array(action, { maxLength: max, size: 'max' }))
    .map(([rooms, actions]) => [...ready(rooms), ...actions]);
}

/** What is logged, and what the model hears if it takes effect. */
export interface Move {
  readonly step: Step;
  readonly effect?: (model: Model, applied: Applied, time: number) => void;
  /** The release that is decided. */
  readonly decides?: Try;
}

/** Seconds, by `k`: within a handover, twice, beyond it, beyond an appraisal's age. */
const WAITS = [5, 20, 61, 601];

/** The moves of one action; none where it makes no sense yet. */
export function movesOf(base: Base, { what, room: n, i, k }: Action): readonly Move[] {
  const { story, telling, world } = base;
  const room = story.roomId(n);
  const by = (name: string) => story.member(name);
  const one = (
    name: string,
    who: Parameters<typeof story.step>[1],
    kind: KindName,
    body: object,
    effect?: Move['effect'],
    more: object = {},
  ): Move[] => [
    {
      step: story.step(`${name} ${world.entries.length}`, who, kind, body, () => more),
      ...(effect && { effect }),
    },
  ];
  const person = PEOPLE[(i + k) % PEOPLE.length]!;
  const dataset = { id: story.contract.datasets[i].id as string, version: 1 };
  const of: Try = { room: n, provider: i, again: k };
  switch (what) {
    case 'deploy':
      return [
        { step: story.attested(n)[0]!, effect: (model, { index }, time) => model.deployed(n, index, time) },
      ];
    case 'attest':
      return telling.has(`cleanroom.deploy ${n}`) ? [{ step: story.attested(n)[1]! }] : [];
    case 'affirm':
    case 'stale':
    case 'contraindicate': {
      const head = world.now - (what === 'stale' ? 590 : k);
      const result = what === 'contraindicate' ? 'contraindicated' : 'affirming';
      const step = story.appraisal(n, { head, result });
      return [{ step, effect: (model, _, time) => model.appraised(n, result, head * 1000, time) }];
    }
    case 'hold':
      return story.payments('hold', n).map((step) => ({
        step,
        effect: (model) => {
          model.rooms.get(n)!.held = true;
        },
      }));
    case 'ask':
      return [asks(base, tryIn(base, of))];
    case 'grant':
      return [grants(base, tryIn(base, of, 'REQUESTED'))];
    case 'stranger': {
      // Somebody whom no provider has delegated to.
      const body = { id: releaseId(base, of), nonce: story.digest(`n ${nameOf(of)}`) };
      return one('stranger', by('verifier'), 'key.release', body, undefined, {
        onBehalf: by(PROVIDERS[i]!).did,
      });
    }
    case 'take':
      return [takes(base, tryIn(base, of, k === 3 ? 'CANCELLED' : 'GRANTED'))];
    case 'cancel':
      return [cancels(base, tryIn(base, of, 'GRANTED'))];
    case 'start':
      return [{ step: story.started(n) }];
    case 'log': {
      const step = story.logged(n)[k % 2]!;
      return [{ step, effect: (model) => model.logged(n) }];
    }
    case 'complete': {
      const { epsilons, delta } = story.training;
      const spent = { epsilon: epsilons.at(-1)!, delta };
      return [{ step: story.completed(n), effect: (model, _, time) => model.completed(n, spent, time) }];
    }
    case 'fail':
      return one('fail', story.asRoom(n), 'run.fail', { run: story.run(n), reason: 'out of memory' });
    case 'abort':
      return one('abort', by(person), 'cleanroom.abort', { id: room, reason: 'no longer needed' }, (model) =>
        model.ended(n),
      );
    case 'settle':
      return story.payments('settle', n).map((step) => ({ step }));
    case 'release':
      return [{ step: story.released(n).find(({ kind }) => kind === 'model.release')! }];
    case 'terminate':
      return [{ step: story.released(n).at(-1)! }];
    case 'wait':
      world.advance(WAITS[k]!);
      return [];
    case 'again': {
      const { statement } = world.entries[(k * 7 + i * 3 + world.entries.length) % world.entries.length]!;
      return [{ step: { name: 'again', kind: 'log.genesis', statement: () => statement } }];
    }
    case 'suspend': {
      const { did } = by(person);
      const later = k === 3 ? { effectiveFrom: world.now + 120 } : {};
      return one(
        'suspend',
        story.sro,
        'participant.suspend',
        { did, reason: 'an audit', ...later },
        (model, { index }, time) => model.stopped(did, index, k === 3 ? (world.now + 120) * 1000 : time),
        afterLast(base, did),
      );
    }
    case 'lift': {
      const { did } = by(person);
      return one(
        'lift',
        story.sro,
        'participant.reinstate',
        { did, reason: 'all clear' },
        (model, _, time) => model.lifted(did, time),
        afterLast(base, did),
      );
    }
    case 'stale-lift': {
      // Signed anew, but after the suspension before the last one.
      const { did } = by(person);
      const suspensions = world.entries.flatMap(({ entry, applied }, index) => {
        const body = applied.statement?.body as { did?: string } | undefined;
        return entry?.kind === 'participant.suspend' && body?.did === did ? [index] : [];
      });
      const old = suspensions.at(-2);
      return old === undefined
        ? []
        : one(
            'stale lift',
            story.sro,
            'participant.reinstate',
            { did, reason: 'all clear' },
            (model, _, time) => model.lifted(did, time),
            { refs: [world.ref('after', old)] },
          );
    }
    case 'suspend-data':
    case 'lift-data':
    case 'withdraw-data': {
      const kind = (
        {
          'suspend-data': 'dataset.suspend',
          'lift-data': 'dataset.reinstate',
          'withdraw-data': 'dataset.withdraw',
        } as const
      )[what];
      const { changed } = DATASET.read(world.read, dataset.id, 1)!;
      return one(
        what,
        by(PROVIDERS[i]!),
        kind,
        { ...dataset, reason: 'an error' },
        (model, { index }, time) =>
          what === 'lift-data' ? model.lifted(dataset.id, time) : model.stopped(dataset.id, index, time),
        { refs: [world.ref('after', changed)] },
      );
    }
    case 'revoke-contract':
      return k > 0
        ? []
        : one(
            'revoke',
            story.sro,
            'contract.revoke',
            { id: story.contract.id, reason: 'misuse' },
            (model, { index }, time) => model.stopped(story.contract.id, index, time),
          );
    case 'revoke-code': {
      const id = story.contract.code[0] as string;
      return k > 0
        ? []
        : one(
            'revoke code',
            story.sro,
            'code.revoke',
            { id, reason: 'a hole' },
            (model, { index }, time) => model.stopped(id, index, time),
            { refs: [telling.ref('code.certify')] },
          );
    }
    case 'compromise': {
      const { did, keys } = by(person);
      const since = world.now - (k % 2 === 0 ? 1 : 10 * 86_400);
      const body = { reason: 'compromise', kid: world.kid(keys[0]), compromisedSince: since };
      return k > 1
        ? []
        : one('compromise', story.sro, 'key.revoke', body, (model) => model.compromised(did, since * 1000));
    }
    case 'keys': {
      // The way of an honest KMS and room, for one dataset; sometimes the key stays under way, or the KMS thinks better of it.
      const next = tryIn(base, of);
      const handed = [asks(base, next), grants(base, next)];
      return k === 2 ? handed : [...handed, k === 3 ? cancels(base, next) : takes(base, next)];
    }
    case 'go':
      return next(base, n);
  }
}

/** A try of the room in this state, if any provider has one; without a state, the next of this provider. */
function tryIn(base: Base, of: Try, state?: ReleaseRecord['state']): Try {
  const others = state === undefined ? [0] : [0, 1, 2];
  for (const provider of others.map((other) => (of.provider + other) % PROVIDERS.length)) {
    for (let again = 0; again < 10; again++) {
      const found = RELEASE.read(base.world.read, releaseId(base, { ...of, provider, again }));
      if (found?.state === state) return { ...of, provider, again };
    }
  }
  return of;
}

function releaseId({ story }: Base, { room, provider, again }: Try): string {
  return story.urn('release', 100 * room + 10 * again + provider);
}

function asks(base: Base, of: Try): Move {
  const { story } = base;
  const { id, version, dataKeyId } = story.contract.datasets[of.provider];
  const body = { id: releaseId(base, of), subject: id, version, contract: story.contract.id, dataKeyId };
  return {
    step: story.step(`ask ${nameOf(of)}`, story.asRoom(of.room), 'key.request', body),
    effect: (model) => model.asked(of),
  };
}

function grants(base: Base, of: Try): Move {
  const { story } = base;
  const body = { id: releaseId(base, of), nonce: story.digest(`nonce ${nameOf(of)}`) };
  const onBehalf = story.member(PROVIDERS[of.provider]!).did;
  const step = story.step(`grant ${nameOf(of)}`, story.member('kms'), 'key.release', body, () => ({
    onBehalf,
  }));
  const effect: Move['effect'] = (model, { verdict }, time) =>
    verdict.reason === null ? model.granted(of, time) : model.denied(of);
  return { step, effect, decides: of };
}

function cancels(base: Base, of: Try): Move {
  const { story } = base;
  const onBehalf = story.member(PROVIDERS[of.provider]!).did;
  const body = { id: releaseId(base, of) };
  const name = `cancel ${nameOf(of)} ${base.world.entries.length}`;
  const step = story.step(name, story.member('kms'), 'key.cancel', body, () => ({ onBehalf }));
  return { step, effect: (model) => model.cancelled(of) };
}

function takes(base: Base, of: Try): Move {
  const { story } = base;
  const body = { id: releaseId(base, of), wrapped: story.digest(`wrapped ${nameOf(of)}`) };
  const step = story.step(`take ${nameOf(of)}`, story.asRoom(of.room), 'key.receive', body);
  return { step, effect: (model, _, time) => model.received(of, time) };
}

/** What an honest room would do next. */
function next(base: Base, n: number): readonly Move[] {
  const { world, story } = base;
  const room = CLEANROOM.read(world.read, story.roomId(n));
  const moves = (what: Action['what'], k = 0, i = 0) => movesOf(base, { what, room: n, i, k });
  switch (room?.state) {
    case undefined:
      return moves('deploy');
    case 'PROVISIONED':
      return [...moves('attest'), ...moves('affirm'), ...moves('hold')];
    case 'ATTESTED':
      return PROVIDERS.flatMap((_, i) => moves('keys', 0, i));
    case 'KEYED':
      return moves('start');
    case 'TRAINING':
      return [...moves('log'), ...moves('log', 1), ...moves('complete')];
    case 'TRAINED':
      return [...moves('settle'), ...moves('release')];
    case 'RELEASED':
      return moves('terminate');
    default:
      return [];
  }
}

/** The ref that changing the standing of a participant takes. */
function afterLast({ world }: Base, did: string): object {
  const { changed } = world.participant({ did })!;
  return { refs: [world.ref('after', changed)] };
}
