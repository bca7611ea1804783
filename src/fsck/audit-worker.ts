/** The thread of an audit: answers {@link AuditRequest}s with the node crypto back end. */
import { parentPort } from 'node:worker_threads';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { WorkerAnswer, WorkerRequest } from '../platform/worker-pool.ts';
import { type BundleAudit, BundleAuditor } from './audit-bundle.ts';
import type { AuditRequest } from './auditors.ts';
import { CheckedKeys } from './signing-keys.ts';

const keys = new CheckedKeys(nodeCrypto);
let auditor: BundleAuditor | undefined;

parentPort!.on('message', ({ id, request }: WorkerRequest<AuditRequest>) => {
  const reply = (answer: WorkerAnswer<readonly BundleAudit[]>) => parentPort!.postMessage(answer);
  try {
    if (request.type === 'begin') {
      auditor = new BundleAuditor(nodeCrypto, request.examine ? keys : undefined);
      reply({ id });
    } else if (request.type === 'keys') {
      keys.add(request.keys);
      reply({ id });
    } else reply({ id, answer: request.bundles.map((bundle) => auditor!.audit(bundle)) });
  } catch (error) {
    // Only a defect comes here: what is wrong with a bundle is a finding. The request fails, the thread goes on.
    reply({ id, error: error instanceof Error ? String(error.stack) : String(error) });
  }
});
