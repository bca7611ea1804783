/** The consumer opens what the clean room has left for it. */
import type { Cycle } from '../cycle.ts';
import { passing } from '../refused.ts';
import { declareStep } from './step.ts';

export const receive = declareStep('receive', async (cycle) => {
  const { found, observe } = cycle;
  const { model, files } = await open(cycle, 'receive', found.delivery!);
  found.model = model;
  observe(cycle.one('TDC').did, `received ${files.map(({ name }) => name).join(', ')}`);
});

/** @param delivery folder */
export async function open(cycle: Cycle, name: string, delivery: string) {
  const { site } = cycle;
  const tdc = cycle.one('TDC');
  const receiving = cycle.command(name, [
    ...['cleanroom', 'receive', '-o', 'json', '--delivery', delivery, '--issuer', tdc.did, '--key'],
    ...[tdc.keyFile, '--wrap-key', site.path('keys', 'tdc-wrap.cosekey'), '--out', site.path('model')],
    ...['--answers', site.path('answers')],
    ...cycle.flags(tdc.name),
  ]);
  const { stdout } = await passing('cleanroom receive', receiving);
  return JSON.parse(stdout) as { model: string; files: { name: string }[] };
}
