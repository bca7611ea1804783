/** The KMS comes up, since its key is listed with it; everybody registers, is verified by the regulator, and accepts the agreement. */
import { type Bytes, fromBase64url } from '../../../core/bytes.ts';
import type { PrivateKey } from '../../../core/crypto.ts';
import { registration } from '../cast.ts';
import type { Cycle } from '../cycle.ts';
import { declareStep } from './step.ts';

/** The consumer's key that models are wrapped to. */
const CONSUMER_WRAP = 'tdc-wrap';

export const admit = declareStep('admit', async (cycle) => {
  const { site, client, recorder, sro, observe, found } = cycle;
  const kms = cycle.one('KMS');
  const running = await startKms(cycle);
  const wraps = new Map<string, Bytes | PrivateKey>([
    [kms.did, fromBase64url(running.said('wrapKey'))],
    [cycle.one('TDC').did, site.key(CONSUMER_WRAP).key],
  ]);
  const { id: agreement, version, digest } = found.agreement!;
  let last = -1;
  for (const who of cycle.participants) {
    const listed = registration(site, client.trust.origin, who, wraps.get(who.did));
    const registered = await recorder.log(who, 'participant.register', listed);
    const evidence = site.crypto.randomBytes(32);
    const verified = { decision: 'verified', did: who.did, roles: who.roles, evidence };
    await recorder.log(sro, 'participant.verify', verified, { refs: [registered] });
    const accepted = await recorder.log(who, 'agreement.accept', { agreement, version, digest });
    last = accepted.index;
    observe(who.did, `is a participant: ${who.roles.join(', ')}`);
  }
  // Services ask the log who somebody is.
  await cycle.witnessed(last);
});

async function startKms(cycle: Cycle) {
  const { site, processes, found } = cycle;
  const { keyFile, did } = cycle.one('KMS');
  const running = await processes.serve('kms', [
    ...['kms', '-o', 'json', '--key', keyFile, '--issuer', did, '--data-dir', site.path('kms')],
    ...['--http-port', '0', '--log-level', 'info', ...site.serverFlags('kms'), ...cycle.flags('kms')],
  ]);
  found.kms = running.said('url');
  return running;
}
