/** Data keys on their way in, and at rest. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Bytes, toHex } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import { generateUnwrappingKey } from '../../../src/participants/key-wrap.ts';
import { readImportConfig } from '../../../src/participants/kms/import-config.ts';
import {
  type ImportParts,
  openKeyImport,
  readKeyImport,
} from '../../../src/participants/kms/import-request.ts';
import { KeyVault } from '../../../src/participants/kms/key-vault.ts';
import { wrapKeyFile } from '../../../src/participants/kms/wrap-key-file.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../../core/mangle.ts';
import { realData } from '../../vectors.ts';
import { config, dataKeyOf, file, request } from './imports.ts';

const HOST_DATA = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);
const folder = mkdtempSync(join(tmpdir(), 'aichain-kms-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const code = (parse: () => unknown) => {
  const found = outcome(parse);
  return 'code' in found ? found.code : 'taken';
};

describe('DEPA’s key-import configuration', () => {
  const whole = config('icmr-key', [HOST_DATA, OTHER]);
  const changed = (change: (copy: ReturnType<typeof config>) => void) => {
    const copy = structuredClone(whole);
    change(copy);
    return code(() => readImportConfig(file(copy)));
  };

  test('says what the key is called, and what code it is for', () => {
    const { dataKeyId, hostData } = readImportConfig(file(whole));
    assert.equal(dataKeyId, 'icmr-key');
    assert.deepEqual(hostData.map(toHex), [HOST_DATA, OTHER].map(toHex));
  });

  test('a condition that nobody would hold the key to is not taken in', () => {
    assert.equal(
      changed((each) => each.claims[0]!.push({ claim: 'x-ms-sevsnpvm-vmpl', equals: '0' })),
      'KEY_POLICY_UNSUPPORTED',
    );
    assert.equal(
      changed((each) => {
        each.claims[0]!.pop();
        each.claims[1]!.shift();
      }),
      'KEY_POLICY_UNSUPPORTED',
    );
    assert.equal(
      changed((each) => {
        each.claims = [];
      }),
      'KEY_POLICY_UNSUPPORTED',
    );
    assert.equal(
      changed((each) => {
        each.key.kty = 'RSA-HSM';
      }),
      'KEY_POLICY_UNSUPPORTED',
    );
    assert.equal(
      changed((each) => {
        each.key_derivation.salt = '00';
      }),
      'KEY_POLICY_UNSUPPORTED',
    );
    assert.equal(
      changed((each) => Object.assign(each, { claim: [] })),
      'KEY_POLICY_UNSUPPORTED',
    );
  });

  test('neither is a secret, or a template', () => {
    assert.equal(
      changed((each) => {
        each.key.akv.bearer_token = 'ey';
      }),
      'SECRET_IN_BODY',
    );
    assert.equal(
      changed((each) => {
        each.key.kid = '$KID';
      }),
      'PLACEHOLDER_VALUE',
    );
    assert.equal(
      changed((each) => {
        each.claims[0]![0]!.equals = 'zz';
      }),
      'REQUEST_MALFORMED',
    );
    const depa = realData('depa');
    if (depa === undefined) return;
    const template = readFileSync(`${depa}/covid/deployment/importkey-config-template.json`);
    assert.equal(
      code(() => readImportConfig(new Uint8Array(template))),
      'PLACEHOLDER_VALUE',
    );
  });

  test('whatever else it is, is refused by a code', () => {
    for (const bytes of mangled(file(whole))) outcome(() => readImportConfig(bytes));
    for (const json of [null, [], {}, { key: 1 }, { key: { kid: 1 } }, { key: { kid: 'k', kty: 'oct' } }]) {
      assert.equal(
        code(() => readImportConfig(file(json as object))),
        'REQUEST_MALFORMED',
      );
    }
  });
});

describe('a data key', async () => {
  const mine = await generateUnwrappingKey('X25519');
  const parts: ImportParts = {
    ...{ log: 'log.example', owner: 'did:web:icmr.example', key: crypto.generatePrivateKey('ES256') },
    ...{ kms: 'did:web:kms.example', kmsKey: mine.listed, issuedAt: 1_767_225_600 },
    ...{ config: file(config('icmr-key', [HOST_DATA])), dataKey: dataKeyOf('icmr') },
  };
  const made = (change: Partial<ImportParts> = {}) => request({ ...parts, ...change });
  const taken = async (change?: Partial<ImportParts>) => readKeyImport(crypto, await made(change));
  const rejected = (expected: string) => (error: unknown) => isLedgerError(error, expected);

  test('is sealed to one service, under one name, by one owner', async () => {
    const imported = await taken();
    assert.deepEqual(await openKeyImport(crypto, mine, imported), parts.dataKey);
    for (const change of [{ owner: 'did:web:x.example' }, { kms: 'did:web:y.example' }, { log: 'other' }]) {
      await assert.rejects(
        openKeyImport(crypto, mine, { ...imported, ...change }),
        rejected('WRAPPED_KEY_INVALID'),
      );
    }
    const other = await generateUnwrappingKey('X25519');
    await assert.rejects(openKeyImport(crypto, other, imported), rejected('WRAPPED_KEY_INVALID'));
    await assert.rejects(made({ dataKey: new Uint8Array(16) }), rejected('ARGUMENT_INVALID'));
  });

  test('a request that was damaged is refused by a code, or still the signed one', async () => {
    const whole = await made();
    const damaged = [...mangled(whole)];
    for (const bytes of damaged.filter((_, i) => i % 3 === 0)) outcome(() => readKeyImport(crypto, bytes));
    assert.equal(
      code(() => readKeyImport(crypto, new Uint8Array(70_000))),
      'REQUEST_TOO_LARGE',
    );
  });

  test('at rest it is what its owner sealed, in a file of this user', async () => {
    const wrapPath = join(folder, 'secret', 'wrap.cosekey');
    const own = await wrapKeyFile(crypto, wrapPath);
    assert.equal(statSync(wrapPath).mode & 0o777, 0o600);
    assert.deepEqual((await wrapKeyFile(crypto, wrapPath)).listed, own.listed);
    const keys = join(folder, 'keys');
    const vault = new KeyVault(crypto, keys, own);
    const sealed = (change: Partial<ImportParts> = {}) => taken({ kmsKey: own.listed, ...change });
    const [first, again] = [await sealed(), await sealed()];
    await Promise.all([vault.keep(first), vault.keep(again)]);
    const names = readdirSync(keys);
    assert.equal(names.length, 1);
    assert.equal(statSync(join(keys, names[0]!)).mode & 0o777, 0o600);
    const disk = readFileSync(join(keys, names[0]!));
    assert.deepEqual(new Uint8Array(disk), first.statement.bytes);
    assert.ok(!disk.includes(Buffer.from(parts.dataKey)));
    // Another process, later.
    const later = new KeyVault(crypto, keys, await wrapKeyFile(crypto, wrapPath));
    assert.deepEqual(await later.open(later.find(parts.owner, 'icmr-key')!), parts.dataKey);
    assert.equal(later.find('did:web:cowin.example', 'icmr-key'), undefined);
    // What data may be encrypted with is never replaced; what code may have it, the owner changes.
    await assert.rejects(later.keep(await sealed({ dataKey: dataKeyOf('x') })), rejected('ID_TAKEN'));
    const other = { config: file(config('icmr-key', [OTHER])) };
    await assert.rejects(later.keep(await sealed(other)), rejected('IAT_TOO_OLD'));
    await later.keep(await sealed({ ...other, issuedAt: parts.issuedAt + 1 }));
    assert.deepEqual(later.find(parts.owner, 'icmr-key')!.hostData, [OTHER]);
    await assert.rejects(later.keep(first), rejected('IAT_TOO_OLD'));
    // To another service it is nothing.
    await assert.rejects(later.keep(await taken()), rejected('WRAPPED_KEY_INVALID'));
    writeFileSync(join(keys, names[0]!), disk.subarray(1));
    assert.equal(
      code(() => later.find(parts.owner, 'icmr-key')),
      'STORAGE_FAILED',
    );
    writeFileSync(wrapPath, Buffer.from([1]));
    await assert.rejects(wrapKeyFile(crypto, wrapPath), rejected('CONFIG_INVALID'));
  });
});

test('a vault knows nobody’s key by another name', async () => {
  const mine = await generateUnwrappingKey('X25519');
  const vault = new KeyVault(crypto, join(folder, 'empty'), mine);
  assert.deepEqual(vault.wrapKey, mine.listed as Bytes);
  assert.equal(vault.find('did:web:icmr.example', 'icmr-key'), undefined);
});
