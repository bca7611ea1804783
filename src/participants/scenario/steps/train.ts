/** The clean room does its work, and leaves the model for the consumer. */
import { runRoom } from '../room-process.ts';
import { declareStep } from './step.ts';

export const train = declareStep('train', async (cycle) => {
  cycle.found.delivery = await runRoom(cycle);
  cycle.observe(cycle.one('CCRP').did, 'ran the clean room: deployed, attested, keyed, trained, released');
});
