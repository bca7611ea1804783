/** The commands that talk to a log, against one that `aichain serve` runs in this process. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { toBase64url } from '../../src/core/bytes.ts';
import { parseTlogProof } from '../../src/note/index.ts';
import { aichain, aichainJson, type RunResult } from './fake-terminal.ts';
import { testFolder } from './folder.ts';

const path = testFolder();
const TDC = 'did:web:tdc.example';
const SRO = 'did:web:sro.aichain.localhost';
const stop = new AbortController();
let served: Promise<RunResult>;
let log: { origin: string; http: string; grpc: string; trust: string };
let at: string[];
/** The place of the registration of the TDC. */
let request: { index: number; entryId: string };

before(async () => {
  const flags = ['--data-dir', path('data'), '--http-port', '0', '--grpc-port', '0', '--workers', '1'];
  log = await new Promise((resolve, reject) => {
    served = aichain(['serve', ...flags, '--disk-floor-bytes', '0', '--log-level', 'silent', '-o', 'json'], {
      signal: stop.signal,
      onStdout: (text) => resolve(JSON.parse(text)),
    });
    served.then(({ stderr }) => reject(new Error(`serve ended: ${stderr}`)));
  });
  at = ['--server', log.grpc, '--trust', log.trust];
});
after(async () => {
  stop.abort();
  assert.equal((await served).code, 0);
});

/** Signs a chain statement into a file. */
async function signed(
  name: string,
  key: string,
  issuer: string,
  kind: string,
  body: object,
  ...more: string[]
) {
  const args = [
    'sign',
    '--key',
    key,
    '--issuer',
    issuer,
    '--kind',
    kind,
    '--body',
    '-',
    '--trust',
    log.trust,
  ];
  const { code, stderr } = await aichain([...args, '--out', path(name), ...more], {
    stdin: JSON.stringify(body),
  });
  assert.equal(code, 0, stderr);
  return path(name);
}

const commitment = { $bytes: toBase64url(new Uint8Array(32).fill(5)) };

test('a participant registers, the SRO agrees, a contract is logged: by commands alone', async () => {
  const { publicKey } = await aichainJson(['keygen', '--out', path('tdc.key'), '--public', path('tdc.pub')]);
  const registration = await signed('register.cose', path('tdc.key'), TDC, 'participant.register', {
    did: TDC,
    roles: ['TDC'],
    keys: [{ keyAlias: 'one', use: 'sig', key: { $bytes: publicKey } }],
    organisation: commitment,
    jurisdiction: 'IN',
    endpoints: [],
  });
  const { results } = await aichainJson(['register', registration, ...at]);
  [request] = results;
  assert.equal(results[0].verdict, 'ok');
  assert(existsSync(`${registration}.receipt`));

  const decision = { did: TDC, decision: 'verified', roles: ['TDC'], evidence: commitment };
  const sroKey = path('data/keys/development-sro.cosekey');
  const ref = ['--ref', `after:${request.index}:${request.entryId}`];
  const verified = await signed('verify.cose', sroKey, SRO, 'participant.verify', decision, ...ref);
  writeFileSync(path('contract.json'), '{"id": "one"}');
  const contract = [
    '--content-type',
    'application/json',
    path('contract.json'),
    '--out',
    path('contract.cose'),
  ];
  await aichain(['sign', '--key', path('tdc.key'), '--issuer', TDC, ...contract]);
  const done = await aichain(['register', verified, ...at]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /verify\.cose: entry \d+ [\w-]{43} ok -> .*\.receipt\n$/);

  const logged = await aichain([
    'register',
    path('contract.cose'),
    '--transparent',
    '--out-dir',
    path('out'),
    ...at,
  ]);
  assert.equal(logged.code, 0, logged.stderr);
  const offline = await aichain([
    'verify',
    '--trust',
    log.trust,
    path('out/contract.cose.transparent'),
    path('tdc.pub'),
  ]);
  assert.equal(offline.code, 0, offline.stderr);
  assert.match(offline.stdout, /✓ issuer signature/);
});

test('registering again gives the same entry', async () => {
  const { results } = await aichainJson(['register', path('register.cose'), ...at]);
  assert.equal(results[0].index, request.index);
});

test('register: a refused statement does not stop the others', async () => {
  await aichain(['keygen', '--out', path('stranger.key')]);
  const args = ['sign', '--key', path('stranger.key'), '--issuer', 'did:web:stranger.example'];
  await aichain([...args, '--content-type', 'text/plain', '--out', path('stranger.cose'), '-'], {
    stdin: 'x',
  });
  const noise = path('noise.cose');
  writeFileSync(noise, Uint8Array.of(1, 2, 3));
  const { code, stdout, stderr } = await aichain([
    'register',
    path('stranger.cose'),
    path('contract.cose'),
    noise,
    ...at,
  ]);
  assert.equal(code, 14);
  assert.match(stderr, /^aichain: KID_UNKNOWN: .*\nhint: Register the key first/);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0]!, /stranger\.cose: KID_UNKNOWN/);
  assert.match(lines[1]!, /contract\.cose: entry \d+/);
  assert.match(lines[2]!, /noise\.cose: (CBOR_MALFORMED|COSE_TAG_WRONG)/);
  assert(!existsSync(path('stranger.cose.receipt')));
});

test('get: an entry by index and by id, shown and as files', async () => {
  const byIndex = await aichainJson(['get', String(request.index), ...at]);
  const byId = await aichainJson(['get', request.entryId, ...at]);
  assert.equal(byIndex.entryId, request.entryId);
  assert.deepEqual(byIndex.statement, byId.statement);
  assert.equal(byIndex.kind, 'participant.register');
  assert.equal(byIndex.effect.verdict, 'ok');
  const files = [
    '--statement',
    path('got.cose'),
    '--receipt',
    path('got.cose.receipt'),
    '--transparent',
    path('got.t'),
  ];
  const shown = await aichain(['get', request.entryId, ...files, ...at]);
  assert.match(shown.stdout, /kind: participant\.register/);
  assert.equal((await aichain(['verify', '--trust', log.trust, path('got.cose')])).code, 0);
  assert.equal((await aichain(['verify', '--trust', log.trust, path('got.t')])).code, 0);
  const piped = await aichain(['get', request.entryId, '--statement', '-', ...at]);
  assert.deepEqual(Buffer.from(piped.stdoutBytes), readFileSync(path('got.cose')));
  const state = await aichainJson(['get', String(request.index + 1), ...at]);
  assert.equal(state.type, 'state entry');
  assert.equal((await aichain(['get', String(request.index + 1), '--receipt', path('no'), ...at])).code, 2);
});

test('get: what is not there is not found, what is no name is refused', async () => {
  assert.equal((await aichain(['get', '999999', ...at])).code, 3);
  assert.equal((await aichain(['get', 'A'.repeat(43), ...at])).code, 3);
  assert.equal((await aichain(['get', 'five', ...at])).code, 2);
});

test('prove inclusion: a tlog-proof and the effect, verified offline', async () => {
  const proof = path('register.tlog-proof');
  const effect = path('register.effect');
  const made = await aichain([
    'prove',
    'inclusion',
    request.entryId,
    '--out',
    proof,
    '--effect',
    effect,
    ...at,
  ]);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(parseTlogProof(readFileSync(proof, 'utf8')).index, request.index);
  const offline = await aichain(['verify', '--trust', log.trust, path('register.cose'), proof, effect]);
  assert.equal(offline.code, 0, offline.stderr);
  assert.match(offline.stdout, /✓ issuer signature verifies under the key in the statement itself/);
  assert.match(offline.stdout, /✓ effect/);
  const printed = await aichain(['prove', 'inclusion', String(request.index), ...at]);
  assert.match(printed.stdout, /^c2sp\.org\/tlog-proof@v1\n/);
});

test('checkpoint and prove consistency: two checkpoints of one history', async () => {
  const older = path('older.checkpoint');
  const first = await aichain(['checkpoint', '--out', older, '--marks', path('marks.json'), ...at]);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout, readFileSync(older, 'utf8'));
  assert.match(first.stderr, /^verified: tree of \d+, not witnessed/);
  writeFileSync(path('more.json'), '{}');
  const args = ['sign', '--key', path('tdc.key'), '--issuer', TDC, '--content-type', 'application/json'];
  await aichain([...args, path('more.json'), '--out', path('more.cose')]);
  await aichain(['register', path('more.cose'), ...at]);
  const [proof, newer] = [path('consistency'), path('newer.checkpoint')];
  const proven = await aichain(['prove', 'consistency', older, '--out', proof, '--checkpoint', newer, ...at]);
  assert.equal(proven.code, 0, proven.stderr);
  assert.match(proven.stderr, /✓ consistency/);
  const offline = await aichainJson(['verify', '--trust', log.trust, newer, older, proof]);
  assert.equal(offline.verified, true);
  // The receipt of the older tree against the newer checkpoint, with the proof between them.
  assert.equal((await aichain(['verify', '--trust', log.trust, older, newer])).code, 2);
  assert.equal((await aichain(['checkpoint', '--marks', path('marks.json'), ...at])).code, 0);
});

test('prove facts: what the state is, and what it is not', async () => {
  const file = path('facts');
  const keys = [`participant=${TDC}`, 'participant=did:web:nobody.example', 'policy'];
  const made = await aichain(['prove', 'facts', ...keys, '--out', file, ...at]);
  assert.equal(made.code, 0, made.stderr);
  const offline = await aichain(['verify', '--trust', log.trust, file]);
  assert.equal(offline.code, 0, offline.stderr);
  assert.match(offline.stdout, /\["participant", "did:web:nobody\.example"\] = absent/);
  assert.match(offline.stdout, /"VERIFIED"/);
  const bytes = new Uint8Array(readFileSync(file));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path('facts.bad'), bytes);
  assert.notEqual((await aichain(['verify', '--trust', log.trust, path('facts.bad')])).code, 0);
});

test('checkpoint --watch: a line for every head, until it is interrupted', async () => {
  const interrupt = new AbortController();
  const watching = aichain(['checkpoint', '--watch', ...at], {
    signal: interrupt.signal,
    onStdout: () => interrupt.abort(),
  });
  const { code, stdout } = await watching;
  assert.equal(code, 0);
  assert.match(stdout, /^\d+ [A-Za-z0-9+/]{43}= not witnessed\n$/);
});

test('the same over HTTP', async () => {
  const over = ['--server', log.http, '--trust', log.trust];
  assert.equal((await aichain(['register', path('register.cose'), ...over])).code, 0);
  assert.equal((await aichainJson(['get', request.entryId, ...over])).index, request.index);
  assert.equal((await aichain(['prove', 'facts', 'policy', '--out', path('facts2'), ...over])).code, 0);
});

test('no server, no such server, no trust file', async () => {
  const nobody = ['--server', '127.0.0.1:1', '--trust', log.trust, '--timeout', '1'];
  const { code, stderr } = await aichain(['checkpoint', ...nobody]);
  assert.equal(code, 4);
  assert.match(stderr, /^aichain: (UNAVAILABLE|DEADLINE_EXCEEDED): /);
  assert.equal((await aichain(['checkpoint', '--server', 'nonsense', '--trust', log.trust])).code, 2);
  const missing = await aichain(['checkpoint', '--server', log.grpc, '--trust', path('missing.json')]);
  assert.equal(missing.code, 2);
  assert.equal((await aichain(['checkpoint', ...at, '--cert', path('x')])).code, 2);
  assert.equal((await aichain(['checkpoint', ...at, '--timeout', 'soon'])).code, 2);
});

test('a server that the trust file does not mean is not believed', async () => {
  const members = JSON.parse(readFileSync(log.trust, 'utf8'));
  const { verifierKey } = await aichainJson([
    'keygen',
    '--note-name',
    log.origin,
    '--out',
    path('imposter.skey'),
  ]);
  writeFileSync(path('imposter.json'), JSON.stringify({ ...members, checkpointKey: verifierKey }));
  const { code } = await aichain(['checkpoint', '--server', log.grpc, '--trust', path('imposter.json')]);
  assert.equal(code, 10);
});
