/** A backup of a running server, what restore makes of it, and of one that somebody has worked on. */
import assert from 'node:assert/strict';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  decodeBackupHead,
  decodeRows,
  encodeBackupEnd,
  encodeBackupHead,
  encodeFile,
  encodeRow,
} from '../../src/backup/content.ts';
import { BACKUP, FRAME, type Frame, FrameWriter, readFrames } from '../../src/backup/frames.ts';
import { type FileContent, restoreBackup } from '../../src/backup/index.ts';
import { DEFAULT_POLICY, rulesId, signStatement } from '../../src/chain/index.ts';
import { type Bytes, concat, fromHex, toHex, u64be, utf8 } from '../../src/core/bytes.ts';
import { auditInPlace } from '../../src/fsck/index.ts';
import { encodeVerdicts } from '../../src/log/index.ts';
import { formatCheckpoint, type NoteSigner, signNote, type VerifierKey } from '../../src/note/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { assertDataFile } from '../../src/server/data-files.ts';
import { backupKeys, keyFolder, type RunningServer, startServer } from '../../src/server/index.ts';
import { developmentSro, readKeyFiles } from '../../src/server/key-files.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { aichain, aichainJson } from '../cli/fake-terminal.ts';
import { testFolder } from '../cli/folder.ts';

const path = testFolder();
const silent = createLogger({ level: 'silent' });
const dataDir = path('data');
const small = { httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
const config = (flags: Record<string, string>) => loadConfig({ flags: { ...small, ...flags }, env: {} });
const evidence = utf8('a report of a machine');
const digest = toHex(crypto.sha256(evidence));
const awake = setInterval(() => {}, 1000);

let server: RunningServer;
let version = 1;
const registered = () =>
  server.ledger.register(
    signStatement(crypto, developmentSro(crypto, keyFolder(dataDir)), {
      log: server.ledger.origin,
      kind: 'policy.publish',
      issuer: 'did:web:sro.aichain.localhost',
      issuedAt: Math.floor(Date.now() / 1000),
      body: { ...DEFAULT_POLICY, version: ++version },
    }),
    { client: 'test' },
  );
/** A restore that ends with a code, and leaves nothing behind. */
async function refused(args: readonly string[], code: string, exit: number, message = /./): Promise<void> {
  const to = path('refused');
  const result = await aichain(['restore', ...args, '--data-dir', to]);
  assert.match(result.stderr, new RegExp(`^aichain: ${code}: `, 'm'));
  assert.match(result.stderr, message);
  assert.equal(result.code, exit);
  assert.equal(existsSync(to), false);
}

before(async () => {
  server = await startServer(config({ dataDir, highWaterFile: path('mark') }), silent);
  for (let n = 0; n < 3; n++) await registered();
  mkdirSync(join(dataDir, 'evidence'), { recursive: true });
  writeFileSync(join(dataDir, 'evidence', digest), evidence);
});
after(async () => {
  await server.close();
  clearInterval(awake);
});

const keys = ['--keys', path('keys')];
const mark = ['--high-water-file', path('mark')];

describe('a backup', { concurrency: false }, () => {
  test('is taken while the server runs, without its keys, and for its owner only', async () => {
    assert.equal(statSync(join(dataDir, 'backup.sock')).mode & 0o777, 0o600);
    const made = await aichainJson([
      'backup',
      '--data-dir',
      dataDir,
      '--to',
      path('one'),
      '--keys-to',
      path('keys'),
    ]);
    assert.equal(made.online, true);
    assert.equal(made.size, server.ledger.head().size);
    assert.equal(made.files, 1);
    for (const name of ['one', 'keys']) assert.equal(statSync(path(name)).mode & 0o777, 0o600);
    const bytes = readFileSync(path('one'));
    for (const name of readdirSync(keyFolder(dataDir))) {
      const key = readFileSync(join(keyFolder(dataDir), name));
      assert.equal(bytes.includes(key), false);
      assert.ok(readFileSync(path('keys')).includes(key));
    }
    const again = await aichain(['backup', '--data-dir', dataDir, '--to', path('one')]);
    assert.equal(again.code, 2);
    mkdirSync(path('backups'));
    const named = await aichainJson([
      'backup',
      '--data-dir',
      dataDir,
      '--to',
      path('backups'),
      '--no-evidence',
    ]);
    assert.match(named.path, /backups\/aichain-\d{8}T\d{6}Z-\d+\.backup$/);
    assert.equal(named.files, 0);
    assert.deepEqual(readdirSync(path('backups')).length, 1);
  });

  test('that is the newest is restored, and goes on', async () => {
    const restored = await aichainJson([
      'restore',
      path('one'),
      '--data-dir',
      path('back'),
      ...keys,
      ...mark,
    ]);
    assert.equal(restored.size, server.ledger.head().size);
    assert.deepEqual(readdirSync(path('back')).sort(), ['db', 'evidence', 'keys']);
    assert.equal(statSync(path('back/keys/checkpoint.skey')).mode & 0o777, 0o600);
    assert.deepEqual(new Uint8Array(readFileSync(path(`back/evidence/${digest}`))), evidence);
    const there = await aichain(['restore', path('one'), '--data-dir', path('back'), ...keys]);
    assert.match(there.stderr, /ARGUMENT_INVALID: .* is not empty \(db\)/);
    // The same tree, so the mark of the first one takes it.
    const { checkpoint } = server.ledger.head();
    await server.close();
    const audit = { env: { AICHAIN_HIGH_WATER_FILE: path('mark') } };
    const audited = await aichain(['fsck', '--data-dir', dataDir, '--threads', '1'], audit);
    assert.equal(audited.code, 0, audited.stderr + audited.stdout);
    const off = await aichainJson(['backup', '--data-dir', dataDir, '--to', path('offline')]);
    assert.equal(off.online, false);
    server = await startServer(config({ dataDir: path('back'), highWaterFile: path('mark') }), silent);
    assert.equal(server.ledger.head().checkpoint, checkpoint);
    await server.close();
    server = await startServer(config({ dataDir, highWaterFile: path('mark') }), silent);
    await registered();
  });

  test('that is older than what was published is refused with the way out', async () => {
    await refused([path('one'), ...keys, ...mark], 'STALE', 15, /has 10 leaves, and a tree of 12 .* mirror/);
    await refused([path('offline'), ...keys, ...mark], 'STALE', 15);
    await refused(
      [path('one'), ...keys, '--high-water-file', path('nothing')],
      'CONFIG_INVALID',
      2,
      /disk mounted/,
    );
    const warned = await aichain(['restore', path('one'), ...keys, '--verify-only']);
    assert.match(warned.stdout, /not compared with a high-water mark/);
  });

  test('is verified against keys or a trust file, never against itself', async () => {
    await refused([path('one')], 'CONFIG_INVALID', 2, /--keys.*--trust/);
    const trusted = ['--trust', join(dataDir, 'trust.json')];
    const { code, stdout } = await aichain(['restore', path('one'), '--verify-only', ...trusted, ...keys]);
    assert.equal(code, 0);
    assert.match(stdout, /verified; nothing was put back/);
    const trust = JSON.parse(readFileSync(join(dataDir, 'trust.json'), 'utf8'));
    writeFileSync(
      path('other-trust'),
      JSON.stringify({ ...trust, genesis: Buffer.alloc(32).toString('base64url') }),
    );
    await refused([path('one'), '--trust', path('other-trust')], 'ORIGIN_MISMATCH', 14, /another genesis/);
    await aichain(['init', '--data-dir', path('stranger'), '--origin', server.ledger.origin]);
    mkdirSync(path('stranger/db'));
    await backupKeys(path('stranger'), path('strange-keys'));
    await refused([path('one'), '--keys', path('strange-keys')], 'NOTE_UNSIGNED', 10);
    await refused([path('one'), '--keys', path('one')], 'BACKUP_MALFORMED', 16);
    await refused([path('keys'), ...keys], 'BACKUP_MALFORMED', 16);
    await refused([path('no-file'), ...keys], 'ARGUMENT_INVALID', 2);
  });

  test('into a folder that another restore has left is refused, and so is a server there', async () => {
    mkdirSync(path('half/.restoring'), { recursive: true });
    const { stderr } = await aichain(['restore', path('one'), '--data-dir', path('half'), ...keys]);
    assert.match(stderr, /CONFIG_INVALID: .*empty the folder and restore again/);
    await assert.rejects(startServer(config({ dataDir: path('half') }), silent), { code: 'CONFIG_INVALID' });
  });

  test('is sent to the end, or not taken for whole', async () => {
    // Clients that read nothing hold up nobody, and are at most two.
    const idle = [0, 1, 2].map(() => connect(join(dataDir, 'backup.sock')));
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await registered();
    for (const socket of idle) socket.destroy();
    const whole = readFileSync(path('one'));
    for (const length of [0, whole.length - 1]) {
      writeFileSync(path('cut'), whole.subarray(0, length));
      await refused([path('cut'), ...keys], 'BACKUP_MALFORMED', 16);
    }
    const { code, stderr } = await aichain(['backup', '--data-dir', path('nowhere'), '--to', path('none')]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no log in/);
    assert.equal(existsSync(path('none')), false);
  });
});

describe('a backup that somebody has worked on, digests and all', { concurrency: false }, () => {
  let frames: Frame[];
  let own: { logKey: VerifierKey; signer: NoteSigner };
  before(async () => {
    const { checkpoint: signer } = readKeyFiles(crypto, keyFolder(dataDir)).log;
    own = { signer, logKey: signer.verifierKey };
    frames = [];
    for await (const { type, content } of readFrames(crypto, BACKUP, createReadStream(path('one')))) {
      frames.push({ type, content: content.slice() });
    }
  });

  function written(worked: readonly Frame[]): Bytes {
    const writer = new FrameWriter(crypto, BACKUP);
    return concat(writer.line, ...worked.map((frame) => writer.frame(frame)));
  }
  /** Into memory: what the command does with a disk. */
  function restored(bytes: Bytes, storage = memoryStorage()) {
    const put = async (file: FileContent) => assertDataFile(crypto, file);
    const { logKey } = own;
    const source = (async function* () {
      yield bytes;
    })();
    const expected = { logKey, rules: rulesId(crypto), auditors: auditInPlace(crypto) };
    return restoreBackup(crypto, source, { storage, put }, expected);
  }
  async function refused(bytes: Bytes, code: string, message = /./): Promise<void> {
    await assert.rejects(restored(bytes), { code, message });
  }
  type Rows = [Bytes, Bytes][];
  /** The backup with other rows, counted right. */
  function withRows(change: (rows: Rows) => Rows): Bytes {
    let count = 0;
    const worked = frames.map((frame): Frame => {
      if (frame.type !== FRAME.ROWS) return frame;
      const rows = change([...decodeRows(frame.content)].map(([key, value]) => [key.slice(), value.slice()]));
      count += rows.length;
      return { type: FRAME.ROWS, content: concat(...rows.map(encodeRow)) };
    });
    const files = frames.filter(({ type }) => type === FRAME.FILE).length;
    worked[worked.length - 1] = { type: FRAME.END, content: encodeBackupEnd({ rows: count, files }) };
    return written(worked);
  }
  const letter = ([key]: readonly [Bytes, Bytes]) => String.fromCharCode(key[0]!);
  const flip = (of: string) => (rows: Rows) => {
    const row = rows.find((each) => letter(each) === of)!;
    row[1][row[1].length - 1]! ^= 1;
    return rows;
  };

  test('is restored if nothing was changed', async () => {
    const { head, files } = await restored(withRows((rows) => rows));
    assert.deepEqual([head.size, files], [10, 1]);
  });

  test('of an earlier version is restored without the index rows that it had', async () => {
    const row: [Bytes, Bytes] = [concat(utf8('i'), new Uint8Array(32)), new Uint8Array(8)];
    const storage = memoryStorage();
    const { head } = await restored(
      withRows((rows) => [...rows, row]),
      storage,
    );
    assert.equal(head.size, 10);
    assert.equal(await storage.get(row[0]), undefined);
  });

  test('is refused whichever row is changed or left out', async () => {
    for (const of of ['b', 'r']) {
      await refused(withRows(flip(of)), 'LOG_CORRUPT');
      const without = (rows: Rows) => rows.filter((row) => row !== rows.find((each) => letter(each) === of));
      await refused(withRows(without), 'LOG_CORRUPT');
    }
    await refused(
      withRows((rows) => rows.filter((row) => letter(row) !== 'H')),
      'LOG_CORRUPT',
    );
    // What no start would look at is found by the audit.
    const stray: [Bytes, Bytes] = [concat(utf8('v'), u64be(5)), encodeVerdicts([])];
    await refused(
      withRows((rows) => [...rows, stray]),
      'ROWS_INVALID',
    );
    await refused(
      withRows((rows) => [...rows, [utf8('x'), utf8('lineage')]]),
      'BACKUP_MALFORMED',
    );
    await refused(
      withRows((rows) => [...rows, [utf8('M'), utf8('mark')]]),
      'BACKUP_MALFORMED',
    );
  });

  test('is refused with a head that the log has not signed, or that is not that of its rows', async () => {
    const head = decodeBackupHead(frames[0]!.content);
    const as = (change: Partial<typeof head>) =>
      written([{ type: FRAME.HEAD, content: encodeBackupHead({ ...head, ...change }) }, ...frames.slice(1)]);
    await refused(as({ size: head.size + 2 }), 'BACKUP_MALFORMED');
    await refused(as({ origin: 'example.com/other' }), 'ORIGIN_MISMATCH');
    await refused(as({ checkpoint: head.checkpoint.replace(/^\d+$/m, '12') }), 'SIGNATURE_INVALID');
    const root = fromHex('11'.repeat(32));
    const forged = signNote(formatCheckpoint({ origin: head.origin, size: head.size, root }), [own.signer]);
    await refused(as({ root, checkpoint: forged }), 'BACKUP_MALFORMED', /another tree/);
  });

  test('is refused with files that are not those of a log, and in another order', async () => {
    const file = (name: string, bytes = utf8('x')) => ({
      type: FRAME.FILE,
      content: encodeFile({ path: name, bytes }),
    });
    const names = ['../x', '/etc/x', 'keys/checkpoint.skey', 'db/x', 'evidence/../../x', 'evidence/x', ''];
    for (const name of names) {
      await refused(written([frames[0]!, file(name), ...frames.slice(1)]), 'BACKUP_MALFORMED');
    }
    const twice = frames.find(({ type }) => type === FRAME.FILE)!;
    for (const worked of [
      [frames[0]!, file(`evidence/${digest}`), ...frames.slice(1)],
      [frames[0]!, twice, ...frames.slice(1)],
      frames.filter(({ type }) => type !== FRAME.FILE),
      frames.slice(1),
      [frames[0]!, ...frames],
    ]) {
      await refused(written(worked), 'BACKUP_MALFORMED');
    }
  });
});
