/** What a running server counts of the statements that it is sent, whatever becomes of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY, signStatement } from '../../src/chain/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder, startServer } from '../../src/server/index.ts';
import { testFolder } from '../cli/folder.ts';

test('each statement is counted once, by what it was answered; and the queue, and the threads that verify', async (t) => {
  const dataDir = testFolder()('data');
  const flags = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
  const limits = { maxQueued: '500', maxStatementBytes: '2000' };
  const server = await startServer(
    loadConfig({ flags: { ...flags, ...limits }, env: {} }),
    createLogger({ level: 'silent' }),
  );
  t.after(() => server.close());
  const key = developmentSro(crypto, keyFolder(dataDir));
  const policy = (version: number, issuer = DEVELOPMENT_SRO) =>
    signStatement(crypto, key, {
      ...{ log: server.ledger.origin, kind: 'policy.publish', issuer },
      issuedAt: Math.floor(Date.now() / 1000),
      body: { ...DEFAULT_POLICY, version },
    });
  const read = async () => {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return (name: string) => {
      const line = text.split('\n').find((line) => line.startsWith(`${name} `));
      return line === undefined ? 0 : Number(line.slice(name.length + 1));
    };
  };
  const before = await read();
  const answered = new Map<string, number>();
  const send = async (statement: Uint8Array) => {
    const answer = await server.ledger.register(statement, { client: 'test' }).then(
      ({ existed }) => (existed ? 'EXISTED' : 'OK'),
      ({ code }: { code: string }) => code,
    );
    answered.set(answer, (answered.get(answer) ?? 0) + 1);
    return answer;
  };
  const mangled = policy(4);
  mangled[mangled.length - 1]! ^= 1;
  const [two, three] = [policy(2), policy(3)];
  for (const [statement, answer] of [
    ...[[two, 'OK'] as const, [two, 'EXISTED'] as const, [three, 'OK'] as const, [two, 'EXISTED'] as const],
    ...[[policy(9), 'POLICY_VERSION_NOT_NEXT'] as const, [mangled, 'SIGNATURE_INVALID'] as const],
    ...[[Uint8Array.of(1, 2, 3), 'CBOR_MALFORMED'] as const],
    ...[[policy(4, 'did:web:nobody.example'), 'SIGNER_UNKNOWN'] as const],
    ...[[new Uint8Array(2001), 'STATEMENT_TOO_LARGE'] as const],
  ]) {
    assert.equal(await send(statement), answer);
  }
  // More at once than may wait: those that do are seen while they do.
  let waiting: Awaited<ReturnType<typeof read>> | undefined;
  for (let i = 0; i < 20 && !waiting?.('aichain_queue_statements'); i++) {
    const crowd = Array.from({ length: 600 }, () => send(mangled));
    waiting = await read();
    await Promise.all(crowd);
  }
  assert.ok(answered.get('LOG_OVERLOADED')! >= 100);
  const statements = waiting!('aichain_queue_statements');
  assert.ok(statements > 0 && statements <= 500);
  assert.equal(waiting!('aichain_queue_bytes'), statements * mangled.length);
  const after = await read();
  for (const [outcome, count] of answered) {
    const name = `aichain_registrations_total{outcome="${outcome}"}`;
    assert.equal(after(name) - before(name), count, outcome);
  }
  const chunks = after('aichain_verify_seconds_count') - before('aichain_verify_seconds_count');
  assert.ok(chunks >= 8 && chunks < 500, `${chunks}`);
  assert.ok(after('aichain_verify_seconds_sum') > 0);
  assert.deepEqual([after('aichain_queue_statements'), after('aichain_queue_bytes')], [0, 0]);
});
