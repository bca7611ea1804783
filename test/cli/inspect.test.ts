import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { GENESIS, signForeign } from '../../src/chain/index.ts';
import { artifactType } from '../../src/cli/artifact.ts';
import { decodeConsistency, encodeConsistency } from '../../src/cli/consistency-file.ts';
import { decodeFacts, encodeFacts } from '../../src/cli/facts-file.ts';
import { describe } from '../../src/cli/inspect.ts';
import { treeText } from '../../src/cli/tree-text.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode, Tagged } from '../../src/core/cbor.ts';
import {
  attachReceipts,
  encodeKeySet,
  encodePrivateKey,
  encodeProblemDetails,
  thumbprint,
} from '../../src/cose/index.ts';
import { formatSignerKey, formatTlogProof, SIGNATURE_TYPE } from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { decodeEffectProof, parseTrust } from '../../src/verify/index.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { processorTimer } from '../core/processor-time.ts';
import { refusal } from '../cose/mangle.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';
import { type Kept, keptFiles } from './kept.ts';

const path = testFolder();
const hash = (fill: number) => new Uint8Array(32).fill(fill);
let kept: Kept;
/** One of each kind of file, by its type. */
const samples = new Map<string, Uint8Array>();

before(async () => {
  kept = await keptFiles(path('demo'));
  const statement = kept.bytes('01-sample-contract.json.cose');
  const receipt = kept.bytes('01-sample-contract.json.cose.receipt');
  const effect = kept.bytes('01-sample-contract.json.cose.effect');
  const { stateEntry, verdict } = decodeEffectProof(effect);
  const checkpoint = readFileSync(kept.checkpoint, 'utf8');
  const trust = parseTrust(nodeCrypto, readFileSync(kept.trust, 'utf8'));
  const secret = nodeCrypto.generatePrivateKey('Ed25519');
  const record = GENESIS.key('genesis');
  const map = StateMap.of(nodeCrypto, [[record, encode({ a: 1 })]]);
  const tip = { index: 9, stateEntry, path: [hash(1)] };
  samples.set(
    'statement',
    signForeign(nodeCrypto, secret, { issuer: 'did:web:a', contentType: 'text/plain', payload: utf8('x') }),
  );
  samples.set('transparent statement', attachReceipts(statement, [receipt, utf8('junk')]));
  samples.set('inclusion receipt', receipt);
  samples.set('effect proof', effect);
  samples.set('state entry', stateEntry);
  samples.set('verdict', verdict);
  samples.set('signed note', utf8(checkpoint));
  samples.set('tlog-proof', utf8(formatTlogProof({ index: 8, path: [hash(1), hash(2)], checkpoint })));
  samples.set('trust file', kept.bytes('trust.json'));
  samples.set('COSE key', kept.bytes('tdc.pub'));
  samples.set('private COSE key', encodePrivateKey(secret));
  samples.set('COSE key set', encodeKeySet(nodeCrypto, [trust.receiptKey]));
  samples.set(
    'signer key',
    utf8(`${formatSignerKey(nodeCrypto, { name: 'a', type: SIGNATURE_TYPE.ED25519, privateKey: secret })}\n`),
  );
  samples.set('verifier key', utf8(JSON.parse(readFileSync(kept.trust, 'utf8')).checkpointKey));
  samples.set('problem details', encodeProblemDetails({ title: 'Rejected', detail: 'DUPLICATE: there' }));
  samples.set('tile path', utf8('tile/0/x001/234.p/5\n'));
  samples.set('trust policy', utf8('quorum none\n'));
  samples.set('consistency proof', encodeConsistency({ from: 3, to: 7, path: [hash(3)] }));
  samples.set(
    'facts',
    encodeFacts({
      checkpoint,
      tip,
      facts: [{ key: record, value: map.get(record)!, proof: map.prove(record) }],
    }),
  );
});

test('inspect knows every format by its content', () => {
  for (const [type, bytes] of samples) {
    assert.equal(artifactType(bytes), type);
    assert.equal(describe(nodeCrypto, bytes).type, type);
  }
});

test('inspect never prints a secret', () => {
  for (const type of ['private COSE key', 'signer key']) {
    const description = describe(nodeCrypto, samples.get(type)!);
    assert.equal(description.secret, 'not shown');
  }
  const secret = nodeCrypto.generatePrivateKey('ES256');
  const shown = treeText(describe(nodeCrypto, encodePrivateKey(secret)));
  assert(!shown.includes(Buffer.from(secret.secret).toString('hex')));
  assert(!shown.includes(Buffer.from(secret.secret).toString('base64url')));
  assert(shown.includes(Buffer.from(thumbprint(nodeCrypto, secret.publicKey)).toString('base64url')));
});

test('inspect: damaged files are described or refused, and nothing else', () => {
  for (const [type, bytes] of samples) {
    // Long ones in steps: each sample gets the same share of the time.
    const step = Math.ceil(bytes.length / 60);
    let i = 0;
    for (const bad of mangled(bytes)) {
      if (i++ % step !== 0) continue;
      const result = outcome(() => treeText(describe(nodeCrypto, bad)));
      if ('code' in result)
        assert.match(
          result.code,
          /MALFORMED|NOT_DETERMINISTIC|WEAK|TOO_LARGE|MISSING|WRONG|NOT_FOUND|UNSUPPORTED|INVALID/,
          type,
        );
      else {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
        assert.doesNotMatch(result.value, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      }
    }
  }
});

test('inspect: any bytes at all', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      outcome(() => describe(nodeCrypto, bytes));
    }),
  );
});

test('inspect: hostile statements are shown without harm', async () => {
  const secret = nodeCrypto.generatePrivateKey('Ed25519');
  const payload = utf8('\u001b]0;title\u0007\u001b[2J\u202etxt');
  const statement = signForeign(nodeCrypto, secret, {
    issuer: 'did:web:\u001b[31m',
    contentType: '\u001b[1m',
    payload,
  });
  const { code, stdout } = await aichain(['inspect', '-'], { stdin: statement, isTTY: true });
  assert.equal(code, 0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for.
  assert.doesNotMatch(stdout, /[\u001b\u0007\u202e]/);
  assert.match(stdout, /\\u\{1b\}\[2J/);

  const deep = encode(
    new Tagged(18, [encode(new Map([[1, nested(14)]])), new Map(), null, new Uint8Array(64)]),
  );
  assert.equal((await aichain(['inspect', '-'], { stdin: deep })).code, 0);
  const huge = signForeign(nodeCrypto, secret, {
    issuer: 'did:web:a',
    contentType: 'x/y',
    payload: new Uint8Array(900_000).fill(0x61),
  });
  const taken = processorTimer();
  const shown = await aichain(['inspect', '-'], { stdin: huge });
  assert.equal(shown.code, 0);
  assert(shown.stdout.length < 20_000);
  assert(taken() < 2000, `${taken()} ms`);
});

function nested(depth: number): Cbor {
  return depth === 0 ? [] : [nested(depth - 1)];
}

test('inspect: files of other software, and none', async () => {
  assert.equal((await aichain(['inspect', '-'], { stdin: Uint8Array.of(0xff, 0xff) })).code, 16);
  assert.equal((await aichain(['inspect', '-'], { stdin: '' })).code, 16);
  assert.equal((await aichain(['inspect', path('missing')])).code, 2);
  assert.equal((await aichain(['inspect', path()])).code, 2);
});

test('inspect -o json is the same as an object', async () => {
  const shown = await aichainJson(['inspect', `${kept.statement}.receipt`]);
  assert.equal(shown.type, 'inclusion receipt');
  assert.equal(shown.treeSize, 10);
  assert.equal(shown.inclusion[0].index, '8');
});

test('facts files: written and read back, and every damage is refused or means the same', () => {
  const bytes = samples.get('facts')!;
  const read = decodeFacts(bytes);
  assert.deepEqual(encodeFacts(read), bytes);
  for (const bad of mangled(bytes)) {
    const result = outcome(() => decodeFacts(bad));
    if ('code' in result)
      assert.match(result.code, /^(PROOF_MALFORMED|CBOR_MALFORMED|CBOR_NOT_DETERMINISTIC)$/);
    else assert.deepEqual(encodeFacts(result.value), bad);
  }
});

test('consistency files: written and read back, and every damage is refused or means the same', () => {
  const bytes = samples.get('consistency proof')!;
  assert.deepEqual(decodeConsistency(bytes), { from: 3, to: 7, path: [hash(3)] });
  for (const bad of mangled(bytes)) {
    const result = outcome(() => decodeConsistency(bad));
    if ('code' in result)
      assert.match(result.code, /^(PROOF_MALFORMED|CBOR_MALFORMED|CBOR_NOT_DETERMINISTIC)$/);
    else assert.deepEqual(encodeConsistency(result.value), bad);
  }
  assert.equal(
    refusal(() => decodeConsistency(utf8('no'))),
    'CBOR_MALFORMED',
  );
});
