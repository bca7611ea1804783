/** `npm run demo`, as processes: a whole cycle, and what it leaves can be verified by anybody, without a network. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { aichain, demo, type Played } from './played.ts';

interface Kept {
  readonly bundle: string;
  readonly step: string;
  readonly request: string;
  readonly decision: 'allow' | 'deny';
}

describe('a whole training cycle', () => {
  const out = mkdtempSync(join(tmpdir(), 'aichain-demo-'));
  const bundles = join(out, 'run', 'bundles');
  let played: Played;
  before(() => {
    played = demo('--out', out);
  });
  after(() => rmSync(out, { recursive: true, force: true }));

  const entries = () =>
    [...played.stdout.matchAll(/^(\d+) +([a-z.-]+) +(\S+) +(\S.*)$/gm)].map(([, , kind, verdict]) => {
      return { kind: kind!, verdict: verdict! };
    });
  const count = (kind: string) => entries().filter((entry) => entry.kind === kind).length;

  test('comes to its end, and every entry has its effect', () => {
    assert.equal(played.code, 0, played.stderr);
    for (const { kind, verdict } of entries()) assert.equal(verdict, 'ok', kind);
    const wanted = {
      ...{ 'participant.register': 8, 'dataset.register': 3, 'contract.propose': 1, 'contract.sign': 5 },
      ...{ 'cleanroom.deploy': 1, 'cleanroom.attest': 1, 'cleanroom.appraise': 1, 'key.request': 4 },
      ...{
        'model.register': 1,
        'key.release': 4,
        'key.receive': 4,
        'run.start': 1,
        'run.complete': 1,
        'payment.settle': 3,
      },
      ...{ 'model.release': 1, 'model.receive': 1, 'cleanroom.terminate': 1, 'contract.complete': 1 },
    };
    for (const [kind, times] of Object.entries(wanted)) assert.equal(count(kind), times, kind);
  });

  test('spends no more privacy than was allocated, and pays everybody', () => {
    const spent = [...played.stdout.matchAll(/^did:\S+ \S+-patients +(\S+) +(\S+)$/gm)];
    assert.equal(spent.length, 3);
    for (const [, epsilon, allocated] of spent) {
      assert.ok(Number(epsilon) > 0 && Number(epsilon) <= Number(allocated));
    }
    assert.equal([...played.stdout.matchAll(/ INR +settled$/gm)].length, 3);
  });

  test('has a model that is better than always saying the same, on rows that it has not seen', () => {
    const [, right, same] =
      /^held out +right (\S+) % of the time; always the same answer: (\S+) %$/m.exec(played.stdout) ?? [];
    assert.ok(Number(right) > Number(same) + 5, `${right} against ${same}`);
  });

  test('ends with a verified model, which is verified again from its bundle alone', () => {
    assert.match(played.stdout, /^ {2}VERIFIED: urn:depa:model:/m);
    const model = join(out, 'run', 'model');
    const offline = ['--bundle', join(bundles, 'model.proof'), '--trust', join(bundles, 'trust.json')];
    const { code, stdout, stderr } = aichain('model', 'verify', model, ...offline, '--archive');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /VERIFIED/);
    assert.match(stdout, /✓ base model +urn:depa:model:\S+: BASE; of did:web:tdc\.example/);
  });

  test('keeps what every gate has answered: each verifies offline, and none that was altered', () => {
    const kept = JSON.parse(readFileSync(join(bundles, 'index.json'), 'utf8')) as Kept[];
    const steps = new Set(kept.map(({ step }) => step));
    for (const step of [
      'contract.activate',
      'cleanroom.deploy',
      'key.release',
      'run.start',
      'budget.spend',
    ]) {
      assert.ok(steps.has(step), step);
    }
    for (const step of ['model.release', 'payment.settle']) assert.ok(steps.has(step), step);
    const verify = ({ bundle, step, request }: Kept, ...more: string[]) =>
      aichain(
        ...['verify', 'bundle', join(bundles, bundle), '--step', step, '--request', join(bundles, request)],
        ...['--trust', join(bundles, 'trust.json'), '--archive', ...more],
      );
    for (const each of kept) {
      const { code, stdout, stderr } = verify(each);
      assert.equal(code, 0, `${each.bundle}: ${stdout}${stderr}`);
      assert.match(stdout, new RegExp(`^ {2}✓ decision +${each.decision}`, 'm'), each.bundle);
    }
    const released = kept.find(({ step }) => step === 'key.release')!;
    const bytes = readFileSync(join(bundles, released.bundle));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(join(bundles, 'altered.bundle'), bytes);
    assert.notEqual(verify({ ...released, bundle: 'altered.bundle' }).code, 0);
    const another = kept.find(({ step }) => step === 'run.start')!;
    assert.notEqual(verify({ ...released, bundle: another.bundle }).code, 0);
  });

  test('leaves nothing of the tables in the clear, wherever it wrote', () => {
    const table = readFileSync(join(out, 'scenario', 'data', 'icmr', 'poc_data_icmr_data.csv'), 'utf8');
    // A number of the registry: long enough to be nowhere by chance.
    const numbers = table.split('\r\n').slice(1, 100);
    const found = numbers.map((row) => row.split(',')[0]!).filter((number) => number.length > 9);
    assert.ok(found.length > 50);
    const files = readdirSync(join(out, 'run'), { recursive: true, withFileTypes: true });
    for (const file of files) {
      if (!file.isFile()) continue;
      const content = readFileSync(join(file.parentPath, file.name), 'latin1');
      assert.ok(!found.some((number) => content.includes(number)), join(file.parentPath, file.name));
    }
  });
});
