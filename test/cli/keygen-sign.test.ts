import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseStatement, possessionProven, toBeSigned } from '../../src/chain/index.ts';
import { fromBase64url, toBase64url, utf8 } from '../../src/core/bytes.ts';
import {
  decodeCoseKey,
  decodePrivateKey,
  encodeCoseKey,
  isEncryptionKey,
  thumbprint,
} from '../../src/cose/index.ts';
import { parseSignerKey, parseVerifierKey } from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { aichain, aichainJson } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const LOG = 'log.example/1';
const DID = 'did:web:tdc.example';
const bytesAt = (file: string) => new Uint8Array(readFileSync(file));

async function key(name: string, ...more: string[]): Promise<string> {
  assert.equal((await aichain(['keygen', '--out', path(name), ...more])).code, 0);
  return path(name);
}

test('keygen: a private COSE_Key that nobody else can read, and its public part in text', async () => {
  for (const alg of ['ES256', 'ES384', 'Ed25519']) {
    const file = path(`${alg}.key`);
    const answer = await aichainJson(['keygen', '--alg', alg, '--out', file, '--public', `${file}.pub`]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const secret = decodePrivateKey(nodeCrypto, bytesAt(file));
    assert.equal(secret.algorithm, alg);
    assert.equal(answer.kid, toBase64url(thumbprint(nodeCrypto, secret.publicKey)));
    assert.deepEqual(fromBase64url(answer.publicKey), encodeCoseKey(secret.publicKey));
    assert.deepEqual(bytesAt(`${file}.pub`), encodeCoseKey(secret.publicKey));
  }
});

test('keygen never overwrites', async () => {
  const file = await key('once.key');
  const before = bytesAt(file);
  const again = await aichain(['keygen', '--out', file]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /^aichain: CONFIG_INVALID: /);
  assert.equal(again.stdout, '');
  assert.deepEqual(bytesAt(file), before);
});

test('keygen --note-name: a signer key whose verifier key is printed', async () => {
  const file = path('note.skey');
  const { verifierKey } = await aichainJson(['keygen', '--note-name', LOG, '--out', file]);
  const signer = parseSignerKey(nodeCrypto, readFileSync(file, 'utf8').trim());
  assert.equal(signer.name, LOG);
  assert.deepEqual(parseVerifierKey(verifierKey).key, signer.privateKey.publicKey.bytes);
  assert.equal((await aichain(['keygen', '--note-name', 'a b', '--out', path('bad')])).code, 16);
  assert.equal(
    (await aichain(['keygen', '--note-name', 'a', '--alg', 'ES256', '--out', path('bad')])).code,
    2,
  );
});

test('sign: a foreign statement holds the bytes of the file', async () => {
  const signer = await key('foreign.key');
  writeFileSync(path('contract.json'), '{"id": "x"}');
  const out = path('contract.cose');
  const args = [
    'sign',
    '--key',
    signer,
    '--issuer',
    DID,
    '--subject',
    'urn:example:x',
    '--issued-at',
    '1700000000',
  ];
  const { entryId } = await aichainJson([
    ...args,
    ...['--content-type', 'application/json', path('contract.json'), '--out', out],
  ]);
  const statement = parseStatement(nodeCrypto, bytesAt(out));
  assert.equal(toBase64url(statement.entryId), entryId);
  assert.equal(statement.chain, undefined);
  assert.equal(statement.issuer, DID);
  assert.equal(statement.subject, 'urn:example:x');
  assert.equal(statement.issuedAt, 1_700_000_000);
  assert.deepEqual(statement.payload, utf8('{"id": "x"}'));
  const { publicKey } = decodePrivateKey(nodeCrypto, bytesAt(signer));
  assert(publicKey.verify(toBeSigned(statement), statement.signature));
});

test('sign: from standard input to standard output, never to a terminal', async () => {
  const signer = await key('pipe.key');
  const args = ['sign', '--key', signer, '--issuer', DID, '--content-type', 'text/plain', '-'];
  const piped = await aichain(args, { stdin: 'hello' });
  assert.equal(piped.code, 0);
  const { entryId, payload } = parseStatement(nodeCrypto, piped.stdoutBytes);
  assert.deepEqual(payload, utf8('hello'));
  assert(piped.stderr.includes(toBase64url(entryId)));
  const shown = await aichain(args, { stdin: 'hello', isTTY: true });
  assert.equal(shown.code, 2);
  assert.equal(shown.stdout, '');
});

test('sign --hash-envelope: the payload is the digest', async () => {
  const signer = await key('envelope.key');
  const args = ['sign', '--key', signer, '--issuer', DID, '--content-type', 'application/json', '-'];
  const { stdoutBytes } = await aichain([...args, '--hash-envelope', '--location', 'https://x.example/c'], {
    stdin: 'big',
  });
  assert.deepEqual(parseStatement(nodeCrypto, stdoutBytes).payload, nodeCrypto.sha256(utf8('big')));
});

test('sign --kind: a registration with proofs of possession for its other keys', async () => {
  const [first, second] = [await key('first.key'), await key('second.key', '--alg', 'Ed25519')];
  const listed = (file: string, keyAlias: string) => ({
    keyAlias,
    use: 'sig',
    key: { $bytes: toBase64url(encodeCoseKey(decodePrivateKey(nodeCrypto, bytesAt(file)).publicKey)) },
  });
  const body = {
    did: DID,
    roles: ['TDC'],
    keys: [listed(first, 'one'), listed(second, 'two')],
    organisation: { $bytes: toBase64url(new Uint8Array(32)) },
    jurisdiction: 'IN',
    endpoints: [],
  };
  const stdin = JSON.stringify(body);
  const args = ['sign', '--key', first, '--issuer', DID, '--kind', 'participant.register', '--body', '-'];
  const bare = await aichain([...args, '--log', LOG], { stdin });
  assert.equal(bare.code, 14);
  assert.match(bare.stderr, /^aichain: POP_MISSING: .*\nhint: .*--pop-key/);

  const { code, stdoutBytes } = await aichain([...args, '--log', LOG, '--pop-key', second], { stdin });
  assert.equal(code, 0);
  const statement = parseStatement(nodeCrypto, stdoutBytes);
  assert.equal(statement.chain?.log, LOG);
  const { keys } = statement.body as { keys: { key: Uint8Array; pop?: Uint8Array }[] };
  assert.equal(keys[0]!.pop, undefined);
  const other = decodeCoseKey(keys[1]!.key);
  assert(!isEncryptionKey(other));
  const verifier = nodeCrypto.importPublicKey(other.algorithm, other.bytes);
  const kid = thumbprint(nodeCrypto, other);
  assert(possessionProven(verifier, keys[1]!.pop!, { log: LOG, owner: DID, kid }));

  const stranger = await aichain(
    [...args, '--log', LOG, '--pop-key', second, '--pop-key', await key('third.key')],
    {
      stdin,
    },
  );
  assert.equal(stranger.code, 2);
});

test('sign --kind: the schema refuses before anything is signed', async () => {
  const signer = await key('schema.key');
  const sign = (kind: string, body: object, ...more: string[]) =>
    aichain(
      ['sign', '--key', signer, '--issuer', DID, '--log', LOG, '--kind', kind, '--body', '-', ...more],
      {
        stdin: JSON.stringify(body),
      },
    );
  const verify = {
    did: DID,
    decision: 'verified',
    roles: ['TDC'],
    evidence: { $bytes: toBase64url(new Uint8Array(32)) },
  };
  assert.equal((await sign('participant.verify', verify)).code, 0);
  const refused: [string, object, string, number][] = [
    ['participant.verify', { ...verify, did: 'nobody' }, 'ID_MALFORMED', 16],
    ['participant.verify', { ...verify, roles: [''] }, 'PLACEHOLDER_VALUE', 16],
    ['participant.verify', { ...verify, more: 1 }, 'SCHEMA_INVALID', 16],
    ['participant.verify', { ...verify, roles: ['Bearer abcdefghijklmnopqrstuv'] }, 'SECRET_IN_BODY', 14],
    ['participant.verify', { ...verify, validUntil: 1.5 }, 'NUMBER_MALFORMED', 16],
    ['no.kind', verify, 'KIND_UNKNOWN', 14],
  ];
  for (const [kind, body, reason, exit] of refused) {
    const { code, stderr, stdout } = await sign(kind, body);
    assert.match(stderr, new RegExp(`^aichain: ${reason}: `), `${kind} ${reason}`);
    assert.equal(code, exit);
    assert.equal(stdout, '');
  }
  const entry = toBase64url(new Uint8Array(32).fill(7));
  const { stdoutBytes } = await sign('participant.verify', verify, '--ref', `after:5:${entry}`);
  assert.deepEqual(parseStatement(nodeCrypto, stdoutBytes).chain?.refs, [
    { rel: 'after', index: 5, entry: new Uint8Array(32).fill(7) },
  ]);
  assert.equal((await sign('participant.verify', verify, '--ref', 'after:5')).code, 2);
});

test('sign: options of the other form are refused', async () => {
  const signer = await key('forms.key');
  const base = ['sign', '--key', signer, '--issuer', DID];
  for (const more of [
    [],
    ['-'],
    ['--kind', 'key.revoke'],
    ['--kind', 'key.revoke', '--body', '-'],
    ['--kind', 'key.revoke', '--body', '-', '--log', 'a b'],
    ['--kind', 'key.revoke', '--body', '-', '--log', LOG, '--content-type', 'x/y'],
    ['-', '--content-type', 'x/y', '--ref', 'a:1:b'],
    ['-', '--content-type', 'x/y', '--location', 'https://x.example'],
    ['-', '--content-type', 'x/y', '--issued-at', 'now'],
    [path('missing'), '--content-type', 'x/y'],
    ['-', '--content-type', 'x/y', '-o', 'json'],
  ]) {
    const { code, stderr } = await aichain([...base, ...more], { stdin: '{}' });
    assert.equal(code, 2, `${more.join(' ')}: ${stderr}`);
    assert.match(stderr, /^aichain: ARGUMENT_INVALID: /);
  }
  assert.equal((await aichain([...base, '-', '--content-type', 'x/y', '--issuer', 'me'])).code, 16);
});
