/** The thread of an audit: answers {@link AuditRequest}s with the node crypto back end. */
import { nodeHasher } from '../platform/hash-node.ts';
import { answerRequests } from '../platform/worker-thread.ts';
import { type BundleAudit, BundleAuditor } from './audit-bundle.ts';
import type { AuditRequest } from './auditors.ts';
import type { Examiner } from './examine.ts';

let examiner: Examiner | undefined;
let auditor: BundleAuditor;

answerRequests<AuditRequest, readonly BundleAudit[]>(async (request) => {
  if (request.type === 'bundles') return request.bundles.map((bundle) => auditor.audit(bundle));
  if (request.type === 'keys') examiner?.learn(request.keys);
  else {
    // The rules of the log, and what signatures take, are most of a short start: hashes alone do without them.
    if (request.examine) {
      const { nodeCrypto } = await import('../platform/crypto-node.ts');
      examiner = new (await import('./examine.ts')).Examiner(nodeCrypto);
    }
    auditor = new BundleAuditor(nodeHasher, examiner);
  }
  return undefined;
});
