/** A server with witnesses in other processes' place: `aichain witness` put together, over HTTP. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { DEFAULT_POLICY, signStatement } from '../../src/chain/index.ts';
import { LedgerClient } from '../../src/client/index.ts';
import {
  cosigner,
  formatVerifierKey,
  openCheckpoint,
  parseSignerKey,
  parseVerifierKey,
} from '../../src/note/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { keyFolder, logKeys, startServer, startWitness } from '../../src/server/index.ts';
import { developmentSro } from '../../src/server/key-files.ts';
import { parseTrust } from '../../src/verify/index.ts';
import { testFolder } from '../cli/folder.ts';
import { eventually } from '../log/witnesses.ts';

const path = testFolder();
const silent = createLogger({ level: 'silent' });
const closing: (() => Promise<void>)[] = [];
const awake = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(awake);
  for (const close of closing.reverse()) await close();
});

const dataDir = path('data');
const keys = logKeys(crypto, dataDir, 'example.com/witnessed');
developmentSro(crypto, keyFolder(dataDir));
const vkey = formatVerifierKey(keys.log.checkpoint.verifierKey);

async function witness(name: string) {
  const running = await startWitness(
    {
      dataDir: path(name),
      name: `example.com/${name}`,
      logs: `log ${vkey}\n`,
      host: '127.0.0.1',
      port: 0,
      prefix: '',
    },
    silent,
  );
  closing.push(running.close);
  return running;
}

const [a, b] = [await witness('a'), await witness('b')];
const policyFile = path('policy');
const POLICY_TEXT = `log ${vkey}\nwitness a ${a.verifierKey} ${a.url}\nwitness b ${b.verifierKey}\ngroup q all a b\nquorum q\n`;
writeFileSync(policyFile, POLICY_TEXT);

const base = { dataDir, httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' };
const witnessed = { witnessPolicy: policyFile, witnessUrls: `b=${b.url}`, witnessRenewSeconds: '1' };
const config = (flags: Record<string, string> = {}) => loadConfig({ flags: { ...base, ...flags }, env: {} });

let version = 1;
/** What the development SRO may say at any time. */
const statement = (folder = dataDir) =>
  signStatement(crypto, developmentSro(crypto, keyFolder(folder)), {
    log: keys.origin,
    kind: 'policy.publish',
    issuer: 'did:web:sro.aichain.localhost',
    issuedAt: Math.floor(Date.now() / 1000),
    body: { ...DEFAULT_POLICY, version: ++version },
  });

describe('a server with witnesses', { concurrency: false }, () => {
  test('is cosigned, says so, and its own trust file asks for it', async () => {
    const server = await startServer(config(witnessed), silent);
    const trust = parseTrust(crypto, readFileSync(server.trustFile, 'utf8'));
    assert.equal(trust.policyText, POLICY_TEXT);
    const client = await LedgerClient.connect({ grpc: server.grpc, trust });
    const { witnessed: head } = await client.register(statement(), { wait: 'WITNESSED', deadlineMs: 20_000 });
    assert.equal(head?.cosignatures.length, 2);
    const shown = await (await fetch(`${server.http}/checkpoint`)).text();
    assert.equal(shown.split('\n— ').length - 1, 3);
    // Renewed while nothing is registered.
    const first = server.ledger.status().witnessing!.freshness!;
    await eventually(() => (server.ledger.status().witnessing!.freshness ?? 0) > first, 15_000);
    const metrics = await (await fetch(`${server.http}/metrics`)).text();
    assert.match(metrics, /^aichain_witness_up\{witness="a"\} 1$/m);
    assert.match(metrics, new RegExp(`^aichain_cosigned_tree_size ${head.size}$`, 'm'));
    client.close();
    await server.close();
    assert.ok(existsSync(path('data/cosigned.checkpoint')));
  });

  test('started again without its witnesses, shows what they have cosigned, and takes statements', async () => {
    const unreachable = `a=http://127.0.0.1:1,b=http://127.0.0.1:1`;
    const server = await startServer(config({ ...witnessed, witnessUrls: unreachable }), silent);
    const kept = readFileSync(path('data/cosigned.checkpoint'), 'utf8');
    assert.equal(await (await fetch(`${server.http}/checkpoint`)).text(), kept);
    await server.ledger.register(statement(), { client: 'test' });
    await assert.rejects(server.ledger.facts([]), { code: 'NOT_WITNESSED' });
    await eventually(() =>
      server.ledger.status().witnessing!.witnesses.every(({ error }) => error === 'UNAVAILABLE'),
    );
    const started = performance.now();
    const late = server.ledger.register(statement(), { client: 'test' }, Date.now() + 60_000);
    await server.close();
    // Closing does not wait for whoever waits for witnesses.
    assert.equal((await late.catch(() => ({ witnessed: null }))).witnessed, null);
    assert.ok(performance.now() - started < 8000);
  });

  test('restored from a backup that is behind what was cosigned, is refused with the way out', async () => {
    const server = await startServer(config(witnessed), silent);
    await server.close();
    cpSync(path('data/db'), path('backup'), { recursive: true });
    const again = await startServer(config(witnessed), silent);
    const { index } = await again.ledger.register(statement(), { client: 'test' }, Date.now() + 20_000);
    await again.close();
    const note = readFileSync(path('data/cosigned.checkpoint'), 'utf8');
    assert.ok(openCheckpoint(crypto, note, parseVerifierKey(vkey)).size > index);
    cpSync(path('data/db'), path('newer'), { recursive: true });
    rmSync(path('data/db'), { recursive: true });
    cpSync(path('backup'), path('data/db'), { recursive: true });
    await assert.rejects(startServer(config(witnessed), silent), {
      code: 'LOG_CORRUPT',
      message: /put the newer data back/,
    });
    // The kept checkpoint is of the backup's age as well: the witnesses remember.
    rmSync(path('data/cosigned.checkpoint'));
    await assert.rejects(startServer(config(witnessed), silent), {
      code: 'LOG_CORRUPT',
      message: /the witness \w holds a tree of \d+ .* put the newer data back/,
    });
    rmSync(path('data/db'), { recursive: true });
    cpSync(path('newer'), path('data/db'), { recursive: true });
    const back = await startServer(config(witnessed), silent);
    await back.close();
  });
});

describe('what cannot be a witness policy', () => {
  const refused = async (flags: Record<string, string>, code: string, message: RegExp) => {
    await assert.rejects(startServer(config(flags), silent), { code, message });
  };
  const policy = (text: string) => {
    const file = path(`policy-${Math.random()}`);
    writeFileSync(file, text);
    return { witnessPolicy: file };
  };

  test('is refused before anything is signed', async () => {
    await refused({ witnessUrls: 'a=http://x' }, 'CONFIG_INVALID', /need a policy/);
    await refused({ witnessReplayers: 'a' }, 'CONFIG_INVALID', /need a policy/);
    await refused({ witnessPolicy: path('nothing') }, 'CONFIG_INVALID', /cannot read the policy/);
    await refused(policy('quorum\n'), 'POLICY_MALFORMED', /line 1/);
    await refused({ witnessPolicy: policyFile }, 'CONFIG_INVALID', /cannot meet the quorum/);
    await refused({ ...witnessed, witnessUrls: `c=${b.url}` }, 'CONFIG_INVALID', /no witness c/);
    await refused({ ...witnessed, witnessReplayers: 'c' }, 'CONFIG_INVALID', /no witness c/);
    const other = path('other');
    const stranger = logKeys(crypto, other, 'example.com/other');
    const strange = formatVerifierKey(stranger.log.checkpoint.verifierKey);
    await refused(policy(`log ${strange}\nquorum none\n`), 'CONFIG_INVALID', /for other logs/);
    const { privateKey } = parseSignerKey(
      crypto,
      readFileSync(path('data/keys/checkpoint.skey'), 'utf8').trim(),
    );
    const own = formatVerifierKey(cosigner(crypto, 'w', privateKey).verifierKey);
    await refused(policy(`witness w ${own} http://x\nquorum w\n`), 'KEY_PURPOSE_CLASH', /own key/);
    assert.throws(() => config({ ...witnessed, witnessUrls: 'b' }), { code: 'CONFIG_INVALID' });
    assert.throws(() => config({ ...witnessed, witnessUrls: 'b=ftp://x' }), { code: 'CONFIG_INVALID' });
  });

  test('names the replayers in the trust file', async () => {
    const server = await startServer(config({ ...witnessed, witnessReplayers: 'b' }), silent);
    assert.deepEqual(parseTrust(crypto, server.trust).replayers, ['b']);
    await server.close();
  });
});
