/**
 * Bad input against a real log: whatever is wrong with a statement has its reason code on every surface, nothing of
 * it is logged, and the server neither stops nor swells. How fast each parser says no is measured where it is tested;
 * the bounds here only tell an answer from a hang on a busy machine.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Ref } from '../../src/chain/statement.ts';
import { type Bytes, concat, toHex, utf8 } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { statusOf } from '../../src/service/status.ts';
import { forge } from '../chain/forge.ts';
import type { Base } from '../chain/refusals/base.ts';
import envelope from '../chain/refusals/envelope.ts';
import foreign from '../chain/refusals/foreign.ts';
import { addition } from '../chain/refusals/forged.ts';
import signer from '../chain/refusals/signer.ts';
import type { Member } from '../chain/world.ts';
import { HOSTILE } from './hostile.ts';
import { Parties } from './parties.ts';
import { type ServedLog, serveLog } from './served-log.ts';
import { type Surfaces, surfacesOf } from './surfaces.ts';

/** Milliseconds for one request, and for the server's answer to anybody else meanwhile. */
const HANG = 10_000;
const MIB = 2 ** 20;
/** Growth of the process that is not bloat: caches, heaps that have not been collected yet. */
const GROWTH = 400 * MIB;

interface Cast extends Base {
  parties: Parties;
  /** Where `cowin` asked to take part. */
  asked: Ref;
  /** A foreign statement that is in the log. */
  logged: Bytes;
  /** Statements that are in another log: one of a kind of ours, one foreign. */
  elsewhere: { chain: Bytes; foreign: Bytes };
}

interface BadInput {
  code: string;
  what: string;
  statement(cast: Cast): Bytes;
}

/** Over the network, these two are only another way to send the same canonical statement; see below. */
const CANONICALISED = ['unprotected header in the log', 'tag not shortest'];
/** Without a body there is no statement to judge, as HTTP sees it. */
const NO_BODY = 'no bytes';
const SIGNER_CASES = ['an unknown key', 'the key of another', 'asked, not verified'];

const SHARED: readonly BadInput[] = [
  ...envelope.filter(({ what }) => !CANONICALISED.includes(what)),
  ...foreign.filter(({ reason }) => reason !== 'DUPLICATE'),
  ...signer.filter(({ reason, what }) => reason === 'SIGNATURE_INVALID' || SIGNER_CASES.includes(what)),
].map(({ reason, what, statement }) => ({ code: reason, what, statement }));

const verify = ({ parties, cowin }: Cast, refs: Ref[], by: Member = parties.sro) => {
  const body = { did: cowin.did, decision: 'verified', roles: ['TDP'], evidence: new Uint8Array(32) };
  return parties.world.sign(by, 'participant.verify', body, { refs });
};
const notNow = (code: string, what: string, seconds: number): BadInput => ({
  code,
  what,
  statement: ({ world, tdc }) =>
    world.sign(tdc, 'key.add', world.listed(tdc, world.key('late')), { issuedAt: world.now + seconds }),
});

const OWN: readonly BadInput[] = [
  { code: 'CBOR_MALFORMED', what: 'JSON', statement: () => utf8('{"kind":"contract.propose"}') },
  {
    code: 'CBOR_MALFORMED',
    what: 'two statements in a row',
    statement: (c) => concat(addition(c), addition(c)),
  },
  {
    code: 'COSE_TAG_WRONG',
    what: 'a transparent statement in an array',
    statement: (c) => encode([addition(c)]),
  },
  {
    code: 'SIGNATURE_INVALID',
    what: 'the other ECDSA signature of the same message (high s)',
    statement: ({ world, icmr }) => withHighS(world.foreign(icmr)),
  },
  {
    code: 'ORIGIN_MISMATCH',
    what: 'signed here for another log',
    statement: ({ world, tdc }) =>
      world.sign(tdc, 'key.add', world.listed(tdc, world.key('b')), { log: 'log.example/other' }),
  },
  {
    code: 'ORIGIN_MISMATCH',
    what: 'replayed from another log',
    statement: ({ elsewhere }) => elsewhere.chain,
  },
  {
    code: 'KID_UNKNOWN',
    what: 'foreign, replayed from another log',
    statement: ({ elsewhere }) => elsewhere.foreign,
  },
  notNow('IAT_IN_FUTURE', 'issued in an hour', 3600),
  notNow('IAT_TOO_OLD', 'issued two days ago', -2 * 86_400),
  {
    code: 'GENESIS_EXISTS',
    what: 'a second genesis',
    statement: ({ world }) => world.genesis(),
  },
  {
    code: 'PARTICIPANT_EXISTS',
    what: 'a second registration',
    statement: ({ world, tdc }) =>
      world.sign(tdc, 'participant.register', world.registration(tdc, ['TDC'], { jurisdiction: 'FR' })),
  },
  {
    code: 'POP_MISSING',
    what: 'a key without proof of possession',
    statement: ({ world, tdc }) => {
      const { pop: _, ...listed } = world.listed(tdc, world.key('c'));
      return world.sign(tdc, 'key.add', listed);
    },
  },
  {
    code: 'ROLE_NOT_HELD',
    what: 'a policy by a TDC',
    statement: ({ world, tdc }) => world.sign(tdc, 'policy.publish', world.policy({ version: 2 })),
  },
  { code: 'REF_STALE', what: 'no ref', statement: (c) => verify(c, []) },
  {
    code: 'REF_NOT_FOUND',
    what: 'a ref to another entry id',
    statement: (c) => verify(c, [{ ...c.asked, entry: new Uint8Array(32) }]),
  },
  {
    code: 'REF_NOT_FOUND',
    what: 'a ref beyond the end',
    statement: (c) => verify(c, [{ ...c.asked, index: Number.MAX_SAFE_INTEGER }]),
  },
];

describe('bad input', { timeout: 120_000 }, () => {
  let log: ServedLog;
  let surfaces: Surfaces;
  let cast: Cast;
  /** Of the tree, for as long as nothing is logged; and of the process, before anything bad came. */
  let size: number;
  let memory: ReturnType<ServedLog['memory']>;

  before(async () => {
    const [here, other] = await Promise.all([serveLog(), serveLog()]);
    log = here;
    const parties = new Parties(log);
    const icmr = await parties.join('icmr', ['TDP', 'DATA_COLLAB'], 'ES256');
    const tdc = await parties.join('tdc', ['TDC'], 'Ed25519');
    const { member: cowin, request: asked } = await parties.ask('cowin', ['TDP'], 'Ed25519');
    const logged = parties.world.foreign(tdc);
    await parties.register(logged);
    const { world } = parties;
    const elsewhere = await statementsOf(other);
    await other.stop();
    cast = { parties, world, icmr, tdc, cowin, asked, logged, elsewhere };
    surfaces = surfacesOf(log, logged);
    size = await treeSize();
    memory = log.memory();
  });
  after(async () => {
    surfaces?.close();
    await log?.stop();
  });

  async function treeSize(): Promise<number> {
    return Number((await (await fetch(`${log.http}/checkpoint`)).text()).split('\n')[1]);
  }

  /** The statement is refused with this code everywhere, and nowhere to be found. */
  async function isRefused(code: string, statement: Bytes, skip: readonly string[] = []): Promise<void> {
    const asked = surfaces.all.filter(({ name }) => !skip.includes(name));
    const began = performance.now();
    const outcomes = await Promise.all(asked.map((surface) => surface.register(statement)));
    assert.ok(performance.now() - began < HANG, 'it took too long');
    const { http, grpc } = statusOf(code);
    // SCRAPI has 400 for every statement that is not accepted.
    const statuses = { gRPC: grpc, JSON: http, SCRAPI: http === 422 ? 400 : http };
    for (const [i, { name, protocol }] of asked.entries()) {
      const outcome = outcomes[i]!;
      assert.ok('code' in outcome, `${name} took it`);
      assert.equal(outcome.code, code, name);
      if (outcome.status !== null) assert.equal(outcome.status, statuses[protocol], name);
    }
    assert.equal(await treeSize(), size, 'the tree grew');
    const absent = { grpc: 'NOT_FOUND', scrapi: 'NOT_FOUND', json: 'NOT_FOUND' };
    assert.deepEqual(await surfaces.lookUp(nodeCrypto.sha256(statement)), absent);
  }

  describe('has its reason code on every surface, and is not logged', { concurrency: 4 }, () => {
    for (const { code, what, statement } of [...SHARED, ...OWN]) {
      const skip = what === NO_BODY ? ['SCRAPI POST /entries'] : [];
      test(`${code}: ${what}`, () => isRefused(code, statement(cast), skip));
    }
  });

  test('another spelling of a statement that is there finds that statement', async () => {
    const entryId = toHex(nodeCrypto.sha256(cast.logged));
    const spellings = {
      again: cast.logged,
      'an unprotected header': forge(cast.logged, cast.tdc.keys[0], (p) => p.unprotected.set(394, [])),
      'a tag in two bytes': concat(Uint8Array.of(0xd8, 18), cast.logged.subarray(1)),
    };
    for (const [what, statement] of Object.entries(spellings)) {
      for (const surface of surfaces.all) {
        const outcome = await surface.register(statement);
        assert.ok('entryId' in outcome, `${surface.name} refused ${what}`);
        assert.equal(toHex(outcome.entryId), entryId);
        if (outcome.existed !== undefined) assert.equal(outcome.existed, true, surface.name);
      }
    }
    assert.equal(await treeSize(), size, 'the tree grew');
  });

  describe('requests that carry no statement', () => {
    const JSON_TYPE = 'application/json';
    const COSE = 'application/cose';
    const ENTRIES = '/entries';
    const STATEMENTS = '/v1/statements';
    const REQUESTS: readonly [code: string, what: string, send: () => Promise<string | undefined>][] = [
      ['REQUEST_MALFORMED', 'gRPC: not protobuf', () => surfaces.rawGrpc('Register', utf8('\xff\xff\xff'))],
      ['REQUEST_MALFORMED', 'gRPC stream: not protobuf', () => surfaces.rawStream(utf8('\xff\xff\xff'))],
      [
        'REQUEST_MALFORMED',
        'gRPC: a field longer than the message',
        () => surfaces.rawGrpc('Register', Uint8Array.of(10, 255, 255, 255, 255, 15)),
      ],
      [
        'REQUEST_TOO_LARGE',
        'gRPC: a message of 9 MiB',
        () => surfaces.rawGrpc('Register', new Uint8Array(9 * MIB)),
      ],
      [
        'REQUEST_TOO_LARGE',
        'gRPC stream: a million empty statements',
        () => surfaces.rawStream(new Uint8Array(2 * MIB).map((_, i) => (i % 2 ? 0 : 18))),
      ],
      ['REQUEST_MALFORMED', 'SCRAPI: no body', () => surfaces.rawHttp(ENTRIES, COSE, '')],
      ['MEDIA_TYPE_UNSUPPORTED', 'SCRAPI: JSON', () => surfaces.rawHttp(ENTRIES, JSON_TYPE, '{}')],
      [
        'STATEMENT_TOO_LARGE',
        'SCRAPI: 9 MiB',
        () => surfaces.rawHttp(ENTRIES, COSE, new Uint8Array(9 * MIB)),
      ],
      ['REQUEST_MALFORMED', 'JSON: cut off', () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, '{"statement":"')],
      [
        'ARGUMENT_INVALID',
        'JSON: another shape',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, '{"entry":""}'),
      ],
      [
        'ARGUMENT_INVALID',
        'JSON: not base64',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, '{"statement":"0oRD*"}'),
      ],
      [
        'REQUEST_MALFORMED',
        'JSON: a prototype',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, '{"__proto__":{"statement":""}}'),
      ],
      [
        'REQUEST_TOO_LARGE',
        'JSON: 3 MiB',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, `{"statement":"${'A'.repeat(3 * MIB)}"}`),
      ],
      [
        'ARGUMENT_INVALID',
        'JSON: a list of 1 MiB of nothing',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, `{"statements":[${'0,'.repeat(MIB / 2)}0]}`),
      ],
      [
        'REQUEST_MALFORMED',
        'JSON: nested 500,000 deep',
        () => surfaces.rawHttp(STATEMENTS, JSON_TYPE, '['.repeat(MIB / 2) + ']'.repeat(MIB / 2)),
      ],
      ['MEDIA_TYPE_UNSUPPORTED', 'JSON: text', () => surfaces.rawHttp(STATEMENTS, 'text/plain', '{}')],
    ];
    for (const [code, what, send] of REQUESTS) {
      test(`${code}: ${what}`, async () => {
        const began = performance.now();
        assert.equal(await send(), code);
        assert.ok(performance.now() - began < HANG, 'it took too long');
        assert.equal(await treeSize(), size);
      });
    }
  });

  test('a megabyte made to hurt is refused in time, by a server that stays as it was', async (t) => {
    const inputs = HOSTILE.map(({ code, what, statement }) => ({ code, what, statement: statement(cast) }));
    let slowest = { what: '', milliseconds: 0 };
    let others = 0;
    let done = false;
    const probe = (async () => {
      while (!done) {
        const began = performance.now();
        assert.equal((await fetch(`${log.http}/healthz`)).status, 200);
        others = Math.max(others, performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    for (const surface of surfaces.all) {
      for (const { code, what, statement } of inputs) {
        assert.ok(statement.length <= MIB && statement.length > MIB - 4096, what);
        const began = performance.now();
        const outcome = await surface.register(statement);
        const milliseconds = performance.now() - began;
        assert.equal('code' in outcome && outcome.code, code, `${surface.name}: ${what}`);
        if (milliseconds > slowest.milliseconds) slowest = { what: `${surface.name}: ${what}`, milliseconds };
      }
    }
    // All at once as well, over each protocol.
    for (const { name, register } of surfaces.all.filter(({ name }) =>
      /Register$|entries$|statements$/.test(name),
    )) {
      const outcomes = await Promise.all(inputs.map(({ statement }) => register(statement)));
      for (const [i, outcome] of outcomes.entries()) {
        assert.equal('code' in outcome && outcome.code, inputs[i]!.code, `${name}: ${inputs[i]!.what}`);
      }
    }
    done = true;
    await probe;
    const afterwards = log.memory();
    const mebibytes = (bytes = 0) => `${Math.round(bytes / MIB)} MiB`;
    t.diagnostic(
      `slowest: ${slowest.what}, ${slowest.milliseconds.toFixed(0)} ms; others waited ${others.toFixed(0)} ms`,
    );
    t.diagnostic(
      `memory: ${mebibytes(memory?.resident)} before, ${mebibytes(afterwards?.resident)} after, ${mebibytes(afterwards?.peak)} at most`,
    );
    assert.ok(slowest.milliseconds < HANG, slowest.what);
    assert.ok(others < HANG);
    if (memory && afterwards)
      assert.ok(afterwards.resident - memory.resident < GROWTH, 'the process has grown');
    assert.equal(await treeSize(), size);
  });

  test('after all this the log is alive, and takes a good statement', async () => {
    assert.ok(log.running());
    for (const [i, surface] of surfaces.all.entries()) {
      const statement = cast.world.foreign(cast.tdc, { subject: `urn:example:${i}` });
      const outcome = await surface.register(statement);
      assert.ok('entryId' in outcome, JSON.stringify(outcome));
    }
    // Each with its state entry.
    assert.equal(await treeSize(), size + 2 * surfaces.all.length);
    assert.equal(log.stderr(), '');
  });
});

/** A chain statement and a foreign one that another log has taken. */
async function statementsOf(other: ServedLog): Promise<Cast['elsewhere']> {
  const parties = new Parties(other);
  const member = await parties.join('visitor');
  const chain = parties.world.sign(
    member,
    'key.add',
    parties.world.listed(member, parties.world.key('visitor/2')),
  );
  const statement = parties.world.foreign(member);
  await parties.registerAll([chain, statement]);
  return { chain, foreign: statement };
}

/** (r, n − s): also a solution of the ECDSA equation, and refused (FORMATS §1). */
function withHighS(statement: Bytes): Bytes {
  const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n; // SEC 2 §2.4.2, secp256r1
  const s = BigInt(`0x${toHex(statement.slice(-32))}`);
  const high = (ORDER - s).toString(16).padStart(64, '0');
  return concat(statement.slice(0, -32), new Uint8Array(Buffer.from(high, 'hex')));
}
