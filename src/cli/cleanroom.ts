/** `aichain cleanroom`: the reference clean room, what its consumer does, and a simulated platform to run it on. */
import { Command } from 'commander';
import { cleanroomReceive } from './cleanroom-receive.ts';
import { cleanroomRun } from './cleanroom-run.ts';
import { cleanroomSimulator } from './cleanroom-simulator.ts';
import type { Context } from './context.ts';

export function cleanroom(context: Context): Command {
  return new Command('cleanroom')
    .summary('train in a clean room, and receive its model')
    .addCommand(cleanroomRun(context))
    .addCommand(cleanroomReceive(context))
    .addCommand(cleanroomSimulator(context));
}
