/** Who serves the others comes up: the contract service, with the bank that it tells of payments, and the verifier's appraiser. */
import { createServer } from 'node:net';
import { startBank } from '../../contract-service/bank.ts';
import { ContractServiceClient } from '../../contract-service/client.ts';
import type { Cycle } from '../cycle.ts';
import { declareStep } from './step.ts';

const PROCESSOR = 'bank.example';

export const serve = declareStep('serve', async (cycle) => {
  await Promise.all([startContractService(cycle), startAppraiser(cycle)]);
});

async function startContractService(cycle: Cycle): Promise<void> {
  const { site, processes, client, observe, found } = cycle;
  const { did, keyFile } = cycle.one('CONTRACT_SERVICE');
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const service = new ContractServiceClient({ url, tls: site.tls('participants'), deadlineMs: 60_000 });
  cycle.atEnd(() => service.close());
  const secret = `whsec_${Buffer.from(site.crypto.randomBytes(32)).toString('base64')}`;
  const bank = await startBank({
    ...{ crypto: site.crypto, trust: client.trust, service, serviceDid: did, secret },
    ...{ host: '127.0.0.1', port: 0 },
    observe: (event, outcome) => {
      if (outcome) observe(PROCESSOR, `${event.type}: ${outcome}`);
    },
  });
  cycle.atEnd(() => bank.close());
  const receivers = [{ name: 'bank', url: bank.url, secret, events: ['payment.'] }];
  await processes.serve('contract-service', [
    ...['contract-service', '-o', 'json', '--key', keyFile, '--issuer', did],
    ...['--data-dir', site.path('contract-service'), '--http-port', String(port)],
    ...['--webhooks', site.secret('webhooks.json', JSON.stringify(receivers)), '--processor', PROCESSOR],
    ...['--processor-secret', site.secret('processor-secret', `${secret}\n`), '--log-level', 'info'],
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
