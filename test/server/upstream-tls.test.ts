/** Who watches, copies or audits a log over https knows it by its certificate, and shows one of its own where it has to. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { rulesId } from '../../src/chain/index.ts';
import { fsckUrl } from '../../src/fsck/fsck-url.ts';
import { auditInPlace } from '../../src/fsck/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { copyOnce, type RunningServer, startMonitor, startServer } from '../../src/server/index.ts';
import { parseTrust, type Trust } from '../../src/verify/index.ts';
import { TestAuthority } from '../service/test-certificates.ts';

describe('a log behind mutual TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aichain-upstream-'));
  const authority = new TestAuthority();
  const { cert, key } = authority.issue('sro');
  const tls = { ca: authority.cert, cert, key };
  const logger = createLogger({ level: 'silent' });
  const { signal } = new AbortController();
  let server: RunningServer;
  let trust: Trust;
  const flags = (dataDir: string) => ({
    ...{ dataDir: join(folder, dataDir), httpPort: '0', grpcPort: '0', workers: '1', diskFloorBytes: '0' },
  });
  const file = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  before(async () => {
    const own = authority.issue('server');
    const settings = {
      ...flags('log'),
      httpTlsCert: file('cert.pem', own.cert),
      httpTlsKey: file('key.pem', own.key),
      httpTlsClientCa: file('ca.pem', authority.cert),
    };
    server = await startServer(loadConfig({ flags: settings, env: {} }), logger);
    trust = parseTrust(crypto, server.trust);
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is mirrored', async () => {
    const config = { ...loadConfig({ flags: flags('copy'), env: {} }), url: server.http, trust };
    assert.equal(await copyOnce({ ...config, upstreamTls: tls }, logger, signal), server.ledger.head().size);
  });

  test('is monitored', async () => {
    const monitor = await startMonitor(
      {
        ...{ url: server.http, tls, trust, dataDir: join(folder, 'monitor'), peers: [], workers: 1 },
        cosign: { host: '127.0.0.1', port: 0, prefix: '' },
        interval: 20,
      },
      logger,
    );
    while (monitor.status.replayed < server.ledger.head().size) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await monitor.close();
  });

  test('is audited, and not without a certificate', async () => {
    const options = { crypto, trust, signal, rules: rulesId(crypto), auditors: auditInPlace(crypto) };
    const { findings } = await fsckUrl(server.http, { ...options, tls });
    assert.equal(findings.total, 0);
    await assert.rejects(fsckUrl(server.http, { ...options, tls: { ca: authority.cert } }), {
      code: 'UNAUTHENTICATED',
    });
  });
});
