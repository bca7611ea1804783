/** Replay in a browser, with noble: one bundle without node, which comes to the same state and the same tree as the server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStateEntry } from '../../src/chain/index.ts';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { runInBrowser } from '../browser.ts';
import { REAL } from '../depa/scenario.ts';
import { grantedRelease } from '../verify/granted-release.ts';

const PROGRAM = `
  import { fromHex, leafHash, nobleCrypto as crypto, rulesId, toHex } from './src/pure.ts';
  import { prepareRun, Replay, RunAssembler } from './src/replay/index.ts';
  const { origin, genesis, leaves } = input;
  const replay = new Replay({ crypto, origin, rules: rulesId(crypto), genesis: fromHex(genesis) });
  const assembler = new RunAssembler(0);
  const known = { byId: new Map(), byIndex: new Map() };
  const refused = [];
  leaves.forEach(({ data, statement }, index) => {
    const leaf = { index, data: fromHex(data), statement: statement === null ? null : fromHex(statement) };
    const run = assembler.add({ ...leaf, hash: leafHash(crypto, leaf.data) });
    if (run) {
      const outcome = replay.apply(prepareRun(crypto, run), known);
      if (outcome.type === 'refuted') throw new Error(JSON.stringify(outcome.faults));
      for (const { hex, entryId, index, verdict, statement } of outcome.entries) {
        if (!known.byId.has(hex)) known.byId.set(hex, index);
        if (verdict.outcome === 'ok') known.byIndex.set(index, { entryId, kind: statement?.chain?.kind ?? null });
        else refused.push(verdict.reason);
      }
    }
  });
  const { state } = replay.point;
  globalThis.result = JSON.stringify({ size: replay.size, tree: toHex(replay.root), state: toHex(state.root), refused });
`;

test('the COVID-19 run is replayed in a browser to the state that the server has', {
  skip: REAL === undefined && 'no ../shared',
}, async () => {
  const { log } = grantedRelease(crypto);
  // Forced into it: what is no statement, and what is there already.
  log.commit(utf8('junk'), log.leaves[2]!.statement!);
  const leaves = log.leaves.map(({ leafData, statement }) => ({
    data: toHex(leafData),
    statement: statement ? toHex(statement) : null,
  }));

  const input = { origin: log.origin, genesis: toHex(log.genesis), leaves };
  const { result } = await runInBrowser(PROGRAM, { input });
  assert.deepEqual(JSON.parse(result as string), {
    size: log.size,
    tree: toHex(log.headAt().root),
    state: toHex(decodeStateEntry(log.leaves.at(-1)!.leafData).mapRoot),
    refused: ['CBOR_MALFORMED', 'DUPLICATE'],
  });
});
