// The evidence store: what the log holds only the digest of, beside the log. Evidence names machines, so who may read it is
// for the service to say; here are files, each under the digest of its content. Nothing here knows what evidence means.
export { EvidenceFiles } from './evidence-files.ts';
