import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLedgerError } from '../../src/core/errors.ts';
import { Limits } from '../../src/service/limits.ts';

const limited = async (promise: Promise<void> | undefined): Promise<boolean> => {
  try {
    await promise;
    return false;
  } catch (error) {
    assert.ok(isLedgerError(error, 'RATE_LIMITED'));
    assert.ok(error.retryAfter! >= 1 && error.retryAfter! <= 60);
    return true;
  }
};

test('statements are counted one by one, for each client', async () => {
  const limits = new Limits({ statements: { points: 10, seconds: 60 } });
  assert.equal(await limited(limits.admitStatements('a', 8)), false);
  assert.equal(await limited(limits.admitStatements('a', 3)), true);
  // What was refused is not charged.
  assert.equal(await limited(limits.admitStatements('a', 2)), false);
  assert.equal(await limited(limits.admitStatements('a', 1)), true);
  assert.equal(await limited(limits.admitStatements('b', 1)), false);
});

test('a batch larger than a window passes when the window is empty', async () => {
  const limits = new Limits({ statements: { points: 10, seconds: 60 } });
  assert.equal(await limited(limits.admitStatements('a', 50)), false);
  assert.equal(await limited(limits.admitStatements('a', 1)), true);
});

test('an IPv6 client is its /64, an IPv4 client is the same in both notations', async () => {
  const same = async (one: string, other: string) => {
    const limits = new Limits({ requests: { points: 1, seconds: 60 } });
    await limits.admitRequest(one);
    return limited(limits.admitRequest(other)!);
  };
  assert.equal(await same('2001:db8:1:2::1', '2001:db8:1:2:ffff::9'), true);
  assert.equal(await same('2001:db8:1:2::1', '2001:db8:1:3::1'), false);
  assert.equal(await same('2001:db8::1', '2001:db8:0:0:5::'), true);
  assert.equal(await same('::1', '::2'), true);
  assert.equal(await same('192.0.2.1', '::ffff:192.0.2.1'), true);
  assert.equal(await same('192.0.2.1', '192.0.2.2'), false);
  assert.equal(await same('subject:CN=a', 'subject:CN=b'), false);
});

test('null means no limit', async () => {
  const limits = new Limits({ requests: null, statements: null });
  for (let i = 0; i < 100; i++) {
    await limits.admitRequest('a');
    await limits.admitStatements('a', 1e9);
  }
});

test('sizes', () => {
  const limits = new Limits({ statementBytes: 2, batchStatements: 2, facts: 2, factKeyBytes: 2 });
  limits.checkStatement(new Uint8Array(2));
  assert.throws(() => limits.checkStatement(new Uint8Array(3)), { code: 'STATEMENT_TOO_LARGE' });
  limits.checkBatch([1, 2]);
  assert.throws(() => limits.checkBatch([]), { code: 'ARGUMENT_INVALID' });
  assert.throws(() => limits.checkBatch([1, 2, 3]), { code: 'REQUEST_TOO_LARGE' });
  limits.checkFactKeys([new Uint8Array(2)]);
  for (const keys of [[], [new Uint8Array(0)]]) {
    assert.throws(() => limits.checkFactKeys(keys), { code: 'ARGUMENT_INVALID' });
  }
  for (const keys of [[new Uint8Array(3)], Array.from({ length: 3 }, () => new Uint8Array(1))]) {
    assert.throws(() => limits.checkFactKeys(keys), { code: 'REQUEST_TOO_LARGE' });
  }
});
