/**
 * A log that nobody has to trust: its server, a witness, and a monitor that replays every entry; no answer about its state counts
 * but under the cosignatures of both.
 */
import { writeFileSync } from 'node:fs';
import { toHex, utf8 } from '../../core/bytes.ts';
import type { Processes, Service } from './processes.ts';
import type { Site } from './site.ts';

export interface WatchedLog {
  readonly url: string;
  /** Path of the trust file. */
  readonly trust: string;
  /** Path of the SRO's key, which a log for development makes. */
  readonly sro: string;
  /** Path of a file with what the evidence store takes from verifiers. */
  readonly token: string;
  /** What every command is told: which log, whom to trust, who it is. */
  flags(name: string): string[];
  readonly monitor: Service;
}

const POLICY = (witness: string, witnessUrl: string, replayer: string, replayerUrl: string) =>
  [
    `witness w ${witness} ${witnessUrl}`,
    `witness r ${replayer} ${replayerUrl}`,
    'group both all w r',
    'quorum both',
    '',
  ].join('\n');
const MONITOR = /verifier key {2}(?<key>\S+)\nURL {11}(?<url>\S+)/;

export async function startWatchedLog(site: Site, processes: Processes): Promise<WatchedLog> {
  const { crypto } = site;
  const token = toHex(crypto.randomBytes(32));
  const access = site.secret('evidence-access', `read token sha256:${toHex(crypto.sha256(utf8(token)))}\n`);
  const dataDir = site.path('log');
  const serve = (port: string, ...more: string[]) =>
    processes.serve('log', [
      ...['serve', '-o', 'json', '--data-dir', dataDir, '--http-port', port, '--grpc-port', '0'],
      ...[...site.serverFlags('log'), ...site.serverFlags('log', 'grpc'), '--evidence-access-file', access],
      ...['--workers', '1', '--log-level', 'warn', '--disk-floor-bytes', '0', ...more],
    ]);
  // The first start makes the log: who is to watch it has to know its key.
  const first = await serve('0');
  const [url, trust] = [first.said('http'), first.said('trust')];
  const port = new URL(url).port;
  await first.stop();
  const witness = await processes.serve('witness', [
    ...['witness', '-o', 'json', '--data-dir', site.path('witness'), '--name', 'witness.example/w'],
    ...['--log', first.said('verifierKey'), '--port', '0', '--log-level', 'warn'],
  ]);
  const monitor = await processes.serve(
    'monitor',
    [
      ...['monitor', '--url', url, '--trust', trust, '--data-dir', site.path('monitor'), '--workers', '1'],
      ...['--witness', witness.said('url'), '--cosign', 'replayer.example/r', '--cosign-port', '0'],
      ...['--log-level', 'warn', ...site.clientFlags('monitor')],
    ],
    MONITOR,
  );
  const policy = site.path('witness-policy');
  const vouching = [
    witness.said('verifierKey'),
    witness.said('url'),
    monitor.said('key'),
    monitor.said('url'),
  ];
  writeFileSync(policy, POLICY(...(vouching as [string, string, string, string])));
  await serve(port, '--witness-policy', policy, '--witness-replayers', 'r', '--witness-renew-seconds', '5');
  return {
    ...{ url, trust, monitor, token: site.secret('evidence-token', `${token}\n`) },
    sro: site.path('log', 'keys', 'development-sro.cosekey'),
    flags: (name) => ['--server', url, '--trust', trust, ...site.clientFlags(name)],
  };
}
