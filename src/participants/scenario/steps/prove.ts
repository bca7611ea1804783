/** Where the model comes from: asked of the log, kept, and verified again from what was kept alone. */
import type { Cycle } from '../cycle.ts';
import { keepGateBundles } from '../gate-bundles.ts';
import { passing } from '../refused.ts';
import { declareStep } from './step.ts';

export const prove = declareStep('prove', async (cycle) => {
  const { site, found, observe } = cycle;
  const folder = site.path('model');
  await verifyAtLog(cycle, 'verify', folder);
  found.verified = await verifyOffline(cycle, 'verify-offline', folder);
  const count = await keepGateBundles(cycle);
  observe(cycle.one('TDC').did, `verified the model, and kept what ${count} gates have answered`);
});

/** @param name of the process */
export async function verifyAtLog(cycle: Cycle, name: string, folder: string): Promise<void> {
  const keep = ['--out', bundleOf(cycle)];
  const flags = cycle.flags(cycle.one('TDC').name);
  await passing('model verify', cycle.command(name, ['model', 'verify', folder, ...keep, ...flags]));
}

/** @returns what it says */
export async function verifyOffline(cycle: Cycle, name: string, folder: string): Promise<string> {
  const offline = ['--bundle', bundleOf(cycle), '--trust', cycle.log.trust];
  const verifying = cycle.command(name, ['model', 'verify', folder, ...offline]);
  return (await passing('model verify', verifying)).stdout;
}

function bundleOf({ site }: Cycle): string {
  return site.path('bundles', 'model.proof');
}
