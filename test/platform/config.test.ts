import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { isLedgerError } from '../../src/core/errors.ts';
import { type ConfigSources, describeConfig, loadConfig } from '../../src/platform/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'aichain-config-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(content: unknown): string {
  const path = join(folder, `${++files}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** Nothing of the environment that the tests run in. */
const load = (sources: ConfigSources = {}) => loadConfig({ env: {}, ...sources });

function refused(sources: ConfigSources, ...messages: (RegExp | string)[]): void {
  assert.throws(
    () => load(sources),
    (error) => {
      assert.ok(isLedgerError(error, 'CONFIG_INVALID'), String(error));
      for (const message of messages) {
        assert.ok(error.message.match(message), `${error.message} does not match ${message}`);
      }
      return true;
    },
  );
}

describe('loadConfig', () => {
  it('has a default for everything that needs one', () => {
    assert.deepEqual(load(), {
      dataDir: 'ledger-data',
      httpHost: '127.0.0.1',
      httpPort: 8080,
      grpcHost: '127.0.0.1',
      grpcPort: 8081,
      trustProxy: [],
      workers: availableParallelism(),
      maxQueued: 8192,
      maxQueuedBytes: 64 * 1024 * 1024,
      maxStatementBytes: 1024 * 1024,
      maxBatch: 1024,
      rateLimit: { clientPerSecond: 10_000, issuerPerSecond: 5000, burst: 20_000 },
      evidence: { maxBytes: 1024 * 1024, totalBytes: 1024 * 1024 * 1024 },
      witness: { urls: [], replayers: [], renewSeconds: 15 },
      diskFloorBytes: 256 * 1024 * 1024,
      deadlineMs: 30_000,
      logLevel: 'info',
    });
  });

  it('gives every caller its own object', () => {
    load().trustProxy.push('10.0.0.1');
    assert.deepEqual(load().trustProxy, []);
  });

  it('takes a flag before a variable before the file before the default, each setting by itself', () => {
    const path = file({
      httpPort: 1,
      grpcPort: 2,
      maxQueued: 3,
      rateLimit: { burst: 4 },
      httpTls: { cert: 'f', key: 'f' },
    });
    const env = { AICHAIN_HTTP_PORT: '10', AICHAIN_GRPC_PORT: '20', AICHAIN_HTTP_TLS_KEY: 'v', PATH: '/bin' };
    const config = load({
      flags: { httpPort: '100', httpTlsClientCa: 'ca', logLevel: undefined },
      env,
      file: path,
    });
    assert.equal(config.httpPort, 100);
    assert.equal(config.grpcPort, 20);
    assert.equal(config.maxQueued, 3);
    assert.deepEqual(config.rateLimit, { clientPerSecond: 10_000, issuerPerSecond: 5000, burst: 4 });
    assert.deepEqual(config.httpTls, { cert: 'f', key: 'v', clientCa: 'ca' });
    assert.equal(config.grpcTls, undefined);
    assert.equal(config.logLevel, 'info');
  });

  it('finds the file through AICHAIN_CONFIG, unless it is given', () => {
    const [one, two] = [file({ maxBatch: 1 }), file({ maxBatch: 2 })];
    assert.equal(load({ env: { AICHAIN_CONFIG: one } }).maxBatch, 1);
    assert.equal(load({ env: { AICHAIN_CONFIG: one }, file: two }).maxBatch, 2);
  });

  it('refuses what it does not know, by name', () => {
    refused({ flags: { htpPort: 1 } }, /htpPort/);
    refused({ env: { AICHAIN_MAX_QUEUE: '1' } }, /AICHAIN_MAX_QUEUE /);
    refused({ file: file({ htpPort: 1 }) }, /htpPort/);
    refused({ file: file({ rateLimit: { clientPerSec: 1 } }) }, /rateLimit\.clientPerSec /);
    refused({ file: file('{"__proto__": {"httpPort": 1}}') }, /__proto__/);
    refused({ file: file({ 'httpTls.cert': 'x' }) }, /httpTls/);
  });

  it('does not mind what a container platform adds for a service called "aichain"', () => {
    const injected = {
      AICHAIN_SERVICE_HOST: '10.0.0.1',
      AICHAIN_SERVICE_PORT_HTTP: '8080',
      AICHAIN_PORT: 'tcp://10.0.0.1:8080',
      AICHAIN_PORT_8080_TCP_ADDR: '10.0.0.1',
    };
    assert.equal(load({ env: injected }).httpPort, 8080);
  });

  it('refuses wrong types and ranges, naming setting and source, and never the value', () => {
    refused({ env: { AICHAIN_HTTP_PORT: '80x' } }, /httpPort \(AICHAIN_HTTP_PORT\) must be integer/);
    refused({ flags: { httpPort: '65536' } }, /httpPort \(--http-port\) must be <= 65535/);
    refused({ flags: { workers: 0 } }, /workers \(--workers\)/);
    for (const text of ['', ' 1', '1 ', '01', '1e3', '0x10', '-1', '1.5', 'Infinity', '9007199254740993']) {
      refused({ env: { AICHAIN_MAX_BATCH: text } }, /maxBatch \(AICHAIN_MAX_BATCH\)/);
    }
    const path = file({
      httpPort: '8080',
      trustProxy: '10.0.0.1',
      dataDir: null,
      rateLimit: 5,
      origin: 'a b',
    });
    refused({ file: path }, /httpPort/, /trustProxy/, /dataDir/, /rateLimit .* must be an object/, /origin/);
    refused({ env: { AICHAIN_LOG_LEVEL: 'loud' } }, /logLevel .*must be one of fatal, error/);
    refused({ env: { AICHAIN_MAX_STATEMENT_BYTES: '1048577' } }, /maxStatementBytes/);
    assert.throws(
      () => load({ env: { AICHAIN_HTTP_PORT: 'my-secret' } }),
      (error: Error) => !error.message.includes('my-secret'),
    );
  });

  it('refuses an empty value rather than take it as "not set"', () => {
    const env = { AICHAIN_GRPC_TLS_CERT: 'c', AICHAIN_GRPC_TLS_KEY: 'k', AICHAIN_GRPC_TLS_CLIENT_CA: '' };
    refused({ env }, /grpcTls\.clientCa \(AICHAIN_GRPC_TLS_CLIENT_CA\) is empty/);
  });

  it('tells all problems at once', () => {
    refused(
      { flags: { zork: 1, workers: 'many' }, env: { AICHAIN_ZORK: '1' } },
      /zork.*AICHAIN_ZORK.*workers/,
    );
  });

  it('takes origins that can be a checkpoint’s first line', () => {
    for (const origin of ['log.example/chain', 'a', 'x'.repeat(255)]) {
      assert.equal(load({ flags: { origin } }).origin, origin);
    }
    for (const origin of ['a+b', 'a b', 'a\nb', 'ü', 'a\u0000', 'x'.repeat(256)])
      refused({ flags: { origin } }, /origin/);
  });

  it('takes addresses and networks as proxies to trust', () => {
    const env = { AICHAIN_TRUST_PROXY: '10.0.0.0/8, 192.0.2.1,2001:db8::/32,::1' };
    assert.deepEqual(load({ env }).trustProxy, ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
    for (const text of [
      'true',
      '*',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.1/',
      '10.0.0.1/8/8',
      '10.0.0.1,',
      'proxy.example',
    ]) {
      refused({ env: { AICHAIN_TRUST_PROXY: text } }, /trustProxy/);
    }
  });

  it('refuses what contradicts itself', () => {
    refused(
      { flags: { grpcTlsCert: 'c' } },
      /grpcTls\.key \(--grpc-tls-key, AICHAIN_GRPC_TLS_KEY\) is missing/,
    );
    refused(
      { file: file({ httpTls: { clientCa: 'ca' } }) },
      /httpTls\.cert .*missing.*httpTls\.key .*missing/,
    );
    refused({ flags: { httpPort: 9000, grpcPort: 9000 } }, /the same/);
    refused(
      { flags: { dataDir: 'data/', highWaterFile: './data/mark' } },
      /highWaterFile is in the data folder/,
    );
    assert.equal(load({ flags: { dataDir: 'data', highWaterFile: 'data-mark' } }).highWaterFile, 'data-mark');
    load({ flags: { httpPort: 0, grpcPort: 0 } });
    load({ flags: { httpPort: 9000, grpcPort: 9000, grpcHost: '::1' } });
    refused({ flags: { maxQueuedBytes: 1000 } }, /maxQueuedBytes is less/);
  });

  it('refuses files that are not there, not JSON or not an object', () => {
    refused({ file: join(folder, 'none.json') }, /none\.json/);
    for (const content of ['', '{', '[]', 'null', '5', '"x"', '{} {}'])
      refused({ file: file(content) }, /\.json/);
  });

  it('gives a configuration or CONFIG_INVALID for any file and environment', () => {
    const names = describeConfig().map((setting) => setting.env);
    const property = fc.property(
      fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.string(), fc.nat().map(String))),
      fc.oneof(fc.json(), fc.constant('{}')),
      (env, json) => {
        try {
          load({ env, file: file(json) });
        } catch (error) {
          assert.ok(isLedgerError(error, 'CONFIG_INVALID'), String(error));
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});

describe('describeConfig', () => {
  const settings = describeConfig();

  it('names every setting, in each of its forms, once', () => {
    for (const form of ['name', 'env', 'flag'] as const) {
      assert.equal(new Set(settings.map((setting) => setting[form])).size, settings.length);
    }
    assert.deepEqual(
      settings.find(({ name }) => name === 'httpTls.clientCa'),
      {
        name: 'httpTls.clientCa',
        env: 'AICHAIN_HTTP_TLS_CLIENT_CA',
        flag: '--http-tls-client-ca',
        default: undefined,
        meaning:
          'PEM file of the authorities that client certificates of HTTP must come from; given, every client needs one.',
      },
    );
    for (const { meaning, name } of settings) assert.match(meaning, /^[A-Z].*\.$/, name);
  });

  it('says the same on every machine', () => {
    assert.equal(settings.find(({ name }) => name === 'workers')?.default, 'the number of cores');
  });

  it('every setting is taken in each of its forms', () => {
    const samples: Record<string, string> = {
      logLevel: 'warn',
      trustProxy: '10.0.0.1',
      'witness.urls': 'w=https://w.example/',
      httpHost: '::1',
      grpcHost: '::1',
    };
    const tls = {
      AICHAIN_HTTP_TLS_CERT: 'c',
      AICHAIN_HTTP_TLS_KEY: 'k',
      AICHAIN_GRPC_TLS_CERT: 'c',
      AICHAIN_GRPC_TLS_KEY: 'k',
    };
    for (const { name, env, flag, default: value } of settings) {
      const number = value !== undefined && /^\d+$/.test(value);
      const sample = samples[name] ?? (number ? value : name === 'workers' ? '3' : 'sample');
      const camel = flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      assert.deepEqual(
        load({ env: { ...tls, [env]: sample } }),
        load({ env: tls, flags: { [camel]: sample } }),
        name,
      );
    }
  });
});
