/** What is under way is the client's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registrar, type RegistrarOptions } from '../../src/client/registrar.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { crypto, foreign, newMember } from '../log/world.ts';

test('a caller may use its buffer again at once: what is sent again is what it gave', async () => {
  const member = newMember('Ed25519');
  const statement = foreign(member, 1);
  const sent: Bytes[] = [];
  const transport = {
    register: async (bytes: Bytes) => {
      sent.push(bytes.slice());
      throw fail('UNAVAILABLE', 'not now', { retryAfter: 0 });
    },
  };
  const options = { crypto, trust: {}, transport, highWater: {}, retries: 1 };
  const registrar = new Registrar(options as unknown as RegistrarOptions);
  const buffer = statement.slice();
  const outcome = registrar.register(buffer, { deadline: Date.now() + 10_000 });
  buffer.set(foreign(member, 2));
  await assert.rejects(outcome, (error) => isLedgerError(error, 'UNAVAILABLE'));
  assert.deepEqual(sent, [statement, statement]);
});
