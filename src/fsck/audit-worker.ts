/** The thread of an audit: answers {@link AuditRequest}s with the node crypto back end, one after the other. */
import { parentPort } from 'node:worker_threads';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { WorkerAnswer, WorkerRequest } from '../platform/worker-pool.ts';
import { type BundleAudit, BundleAuditor } from './audit-bundle.ts';
import type { AuditRequest } from './auditors.ts';
import type { Examiner } from './examine.ts';

type Answer = readonly BundleAudit[];

let examiner: Examiner | undefined;
let auditor: BundleAuditor;
let turn: Promise<void> = Promise.resolve();

async function answer(request: AuditRequest): Promise<Answer | undefined> {
  if (request.type === 'bundles') return request.bundles.map((bundle) => auditor.audit(bundle));
  if (request.type === 'keys') examiner?.learn(request.keys);
  else {
    // The rules of the log are half of a short start: hashes alone do without them.
    if (request.examine) examiner = new (await import('./examine.ts')).Examiner(nodeCrypto);
    auditor = new BundleAuditor(nodeCrypto, examiner);
  }
  return undefined;
}

parentPort!.on('message', ({ id, request }: WorkerRequest<AuditRequest>) => {
  const reply = (said: WorkerAnswer<Answer>) => parentPort!.postMessage(said);
  turn = turn
    .then(() => answer(request))
    .then((said) => reply(said ? { id, answer: said } : { id }))
    // Only a defect comes here: what is wrong with a bundle is a finding. The request fails, the thread goes on.
    .catch((error: unknown) =>
      reply({ id, error: error instanceof Error ? String(error.stack) : String(error) }),
    );
});
