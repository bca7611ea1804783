/** Who serves the others comes up: the contract service, with the bank that it tells of payments, and the verifier's appraiser. */
import { createServer } from 'node:net';
import { ContractServiceClient } from '../../contract-service/client.ts';
import type { Cycle } from '../cycle.ts';
import { declareStep } from './step.ts';

const PROCESSOR = 'bank.example';

export const serve = declareStep('serve', async (cycle) => {
  await Promise.all([startContractService(cycle), startAppraiser(cycle)]);
});

async function startContractService(cycle: Cycle): Promise<void> {
  const { site, processes, log, observe, found } = cycle;
  const { did, keyFile } = cycle.one('CONTRACT_SERVICE');
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const service = new ContractServiceClient({ url, tls: site.tls('participants'), deadlineMs: 60_000 });
  cycle.atEnd(() => service.close());
  const secret = `whsec_${Buffer.from(site.crypto.randomBytes(32)).toString('base64')}`;
  const secretFile = site.secret('processor-secret', `${secret}\n`);
  // It waits to be told: that the service is not there yet is nothing to it.
  const bank = await processes.serve('bank', [
    ...['bank', '-o', 'json', '--service', url, '--service-did', did, '--secret', secretFile],
    ...['--trust', log.trust, '--http-port', '0', ...site.serverFlags('bank'), ...site.clientFlags('bank')],
  ]);
  observe(PROCESSOR, 'takes orders of payments, and moves no money');
  const receivers = [{ name: 'bank', url: bank.said('url'), secret, events: ['payment.'] }];
  await processes.serve('contract-service', [
    ...['contract-service', '-o', 'json', '--key', keyFile, '--issuer', did],
    ...['--data-dir', site.path('contract-service'), '--http-port', String(port)],
    ...['--webhooks', site.secret('webhooks.json', JSON.stringify(receivers)), '--processor', PROCESSOR],
    ...['--processor-secret', secretFile, '--log-level', 'info'],
    ...[...site.serverFlags('contract-service'), ...cycle.flags('contract-service')],
  ]);
  found.service = service;
  observe(did, 'serves discovery, contracts and payments');
}

async function startAppraiser(cycle: Cycle): Promise<void> {
  const { site, processes, log } = cycle;
  const { did, keyFile } = cycle.one('VERIFIER');
  await processes.serve(
    'appraiser',
    [
      ...['appraiser', '--key', keyFile, '--issuer', did, '--evidence', log.url],
      ...['--token-file', log.token, '--docket', site.path('docket'), ...cycle.flags('appraiser')],
    ],
    /^/,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
