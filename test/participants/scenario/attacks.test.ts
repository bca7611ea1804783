/** Attacks: what is declared of them, what counts as stopped; and one of them, played by processes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LedgerError } from '../../../src/core/errors.ts';
import type { Stop } from '../../../src/participants/scenario/attacks/attack.ts';
import { ATTACKS, attackNamed } from '../../../src/participants/scenario/attacks/index.ts';
import { runAttack } from '../../../src/participants/scenario/attacks/run.ts';
import { Tries } from '../../../src/participants/scenario/attacks/tries.ts';
import { Refused } from '../../../src/participants/scenario/refused.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { aichain } from '../../cli/fake-terminal.ts';
import { PROGRAM, smallScenario } from './played.ts';
import { STOPS } from './stops.ts';

const stop: Stop = { gate: 'key.release', reason: 'BUDGET_EXHAUSTED' };
const refused = (gate: string, code: string) => async () => {
  throw new Refused(gate, new LedgerError(code, 'no'));
};

test('what stops each attack is declared once, and here', () => {
  const declared = ATTACKS.map(({ name, expected }) => [
    name,
    expected.map(({ gate, reason }) => `${gate}: ${reason}`),
  ]);
  assert.deepEqual(Object.fromEntries(declared), STOPS);
  for (const { title, story, instead } of ATTACKS) {
    assert.ok(title.length > 0 && story.length > 0 && Object.keys(instead).length > 0);
  }
});

test('an attack is stopped if every try is, at its gate, for its reason', async () => {
  const of = async (...tried: (() => Promise<unknown>)[]) => {
    const tries = new Tries([stop], () => undefined);
    for (const work of tried) await tries.attempt('somebody', 'something', work);
    return tries.stopped;
  };
  const asDeclared = refused(stop.gate, stop.reason);
  assert.equal(await of(asDeclared), true);
  assert.equal(await of(), false, 'it was not tried');
  assert.equal(await of(async () => 'done'), false, 'it got through');
  assert.equal(await of(refused('run.start', stop.reason)), false, 'at another gate');
  assert.equal(await of(refused(stop.gate, 'PAYMENT_NOT_HELD')), false, 'for another reason');
  assert.equal(await of(asDeclared, asDeclared), false, 'more was tried than was declared');
  // Whoever does not answer has stopped nobody.
  const away = of(() => Promise.reject(new LedgerError('UNAVAILABLE', 'nobody')));
  await assert.rejects(away, { code: 'UNAVAILABLE' });
});

test('one that nobody knows is a wrong use, and says which there are', async () => {
  const { code, stderr } = await aichain(['scenario', 'run', 'nowhere', '--attack', 'none-such']);
  assert.equal(code, 2);
  for (const name of Object.keys(STOPS)) assert.ok(stderr.includes(name), name);
});

// The shortest there is: the log with its witness and its monitor, over mutual TLS, and the regulator.
test('an attack is played by processes, and stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-attack-'));
  try {
    const scenario = join(folder, 'scenario');
    smallScenario(scenario, 40);
    const { expected, instead } = attackNamed('allow-all-policy');
    const begins = { expected: expected.slice(0, 1), instead: { govern: instead.govern! } };
    const said: string[] = [];
    const played = await runAttack(
      {
        ...{ crypto, scenario, out: join(folder, 'run'), signal: new AbortController().signal },
        program: [process.execPath, PROGRAM],
        observe: (_who, what) => said.push(what),
      },
      { name: 'begins', title: 'as declared', story: 'but not to its end', ...begins },
    );
    assert.equal(played.stopped, true, JSON.stringify(played.tries));
    assert.ok(said.includes('was stopped: code.certify, CODE_ALLOW_ALL'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
