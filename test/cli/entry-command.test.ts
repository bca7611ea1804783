/** One of 64 entry ids begins with a dash: it names an entry all the same, wherever it stands. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { EntryCommand } from '../../src/cli/entry-command.ts';
import { aichain } from './fake-terminal.ts';

const REST = '7RVshm-BFokmS7Tnd9Y-PseLkwlUb8SpjePzJQ7CA';
const IDS = ['-7', '--', '-o', '-h', '-V'].map((start) => `${start}${REST}`);

/** As in the program: below another command, with options of both. */
async function parsed(...args: string[]) {
  let found: unknown;
  const command = new EntryCommand('get')
    .argument('<entry>')
    .option('-o, --output <format>')
    .option('--flag')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .action((entry, options) => {
      found = { entry, ...options };
    });
  const program = new Command('aichain').version('1').enablePositionalOptions();
  program.addCommand(new Command('prove').addCommand(command));
  await program.parseAsync(['prove', 'get', ...args], { from: 'user' });
  return found;
}

describe('an entry id that begins with a dash', () => {
  for (const id of IDS) {
    it(id, async () => {
      assert.equal(id.length, 43);
      assert.deepEqual(await parsed(id), { entry: id });
      assert.deepEqual(await parsed(id, '-o', 'json', '--flag'), { entry: id, output: 'json', flag: true });
      assert.deepEqual(await parsed('--output', 'json', id), { entry: id, output: 'json' });
      assert.deepEqual(await parsed('--flag', '--', id), { entry: id, flag: true });
    });
  }

  it('is still a value where one is due', async () => {
    const [id, other] = IDS as [string, string];
    assert.deepEqual(await parsed('--output', other, id), { entry: id, output: other });
    assert.deepEqual(await parsed('5', '--output', id), { entry: '5', output: id });
    await assert.rejects(parsed(id, other), { code: 'commander.unknownOption' });
    await assert.rejects(parsed(`${id}x`), { code: 'commander.unknownOption' });
  });

  for (const command of [['get'], ['prove', 'inclusion']]) {
    it(`gets through to ${command.join(' ')}`, async () => {
      for (const id of IDS) {
        const { stderr } = await aichain([...command, id, '--server', 'http://127.0.0.1:9']);
        assert.doesNotMatch(stderr, /unknown option|missing required argument/);
      }
    });
  }
});
