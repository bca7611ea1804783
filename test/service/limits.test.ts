import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isLedgerError } from '../../src/core/errors.ts';
import { Limits } from '../../src/service/limits.ts';
import { RateWindow } from '../../src/service/rate-window.ts';

const limited = (admit: () => void): boolean => {
  try {
    admit();
    return false;
  } catch (error) {
    assert.ok(isLedgerError(error, 'RATE_LIMITED'));
    assert.ok(error.retryAfter! >= 1 && error.retryAfter! <= 60);
    return true;
  }
};

test('statements are counted one by one, for each client', () => {
  const limits = new Limits({ statements: { points: 10, seconds: 60 } });
  const refused = (client: string, count: number) => limited(() => limits.admitStatements(client, count));
  assert.equal(refused('a', 8), false);
  assert.equal(refused('a', 3), true);
  // What was refused is not charged.
  assert.equal(refused('a', 2), false);
  assert.equal(refused('a', 1), true);
  assert.equal(refused('b', 1), false);
});

test('a batch larger than a window passes when the window is empty', () => {
  const limits = new Limits({ statements: { points: 10, seconds: 60 } });
  assert.equal(
    limited(() => limits.admitStatements('a', 50)),
    false,
  );
  assert.equal(
    limited(() => limits.admitStatements('a', 1)),
    true,
  );
});

test('a window ends, and who has not come again is forgotten', async () => {
  const window = new RateWindow({ points: 1, seconds: 0.05 }, 'too many');
  for (const client of ['a', 'b', 'c']) window.take(client, 1);
  assert.throws(() => window.take('a', 1), { code: 'RATE_LIMITED', retryAfter: 1 });
  await setTimeout(60);
  window.take('b', 1);
  assert.equal(window.size, 1);
  assert.throws(() => window.take('b', 1), { code: 'RATE_LIMITED' });
  window.take('a', 1);
});

test('an IPv6 client is its /64, an IPv4 client is the same in both notations', () => {
  const same = (one: string, other: string) => {
    const limits = new Limits({ requests: { points: 1, seconds: 60 } });
    limits.admitRequest(one);
    return limited(() => limits.admitRequest(other));
  };
  assert.equal(same('2001:db8:1:2::1', '2001:db8:1:2:ffff::9'), true);
  assert.equal(same('2001:db8:1:2::1', '2001:db8:1:3::1'), false);
  assert.equal(same('2001:db8::1', '2001:db8:0:0:5::'), true);
  assert.equal(same('::1', '::2'), true);
  assert.equal(same('192.0.2.1', '::ffff:192.0.2.1'), true);
  assert.equal(same('192.0.2.1', '192.0.2.2'), false);
  assert.equal(same('subject:CN=a', 'subject:CN=b'), false);
});

test('null means no limit', () => {
  const limits = new Limits({ requests: null, statements: null });
  for (let i = 0; i < 100; i++) {
    limits.admitRequest('a');
    limits.admitStatements('a', 1e9);
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
