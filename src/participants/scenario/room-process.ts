/** The clean room as a process: what it says of its progress is passed on, and where it was stopped is made out from that. */
import { readFileSync } from 'node:fs';
import { CLEANROOM } from '../../chain/index.ts';
import { toHex } from '../../core/bytes.ts';
import { isLedgerError } from '../../core/errors.ts';
import { type Cycle, succeeded } from './cycle.ts';
import { MEASUREMENT } from './governance.ts';
import type { Command } from './processes.ts';
import { gateIn, Refused } from './refused.ts';

export interface RoomOptions {
  /** Of the process (default: `cleanroom`). */
  readonly name?: string;
  /** Folder of the encrypted files. */
  readonly data?: string;
  /** Flags of `aichain cleanroom run`, after those that every room is told. */
  readonly more?: readonly string[];
  /** Where its evidence comes from: default, from the simulated platform. */
  readonly evidence?: readonly string[];
  /** Done as soon as the room says that it has come to this step; it stands still until then. */
  readonly meanwhile?: Readonly<Record<string, (room: StandingRoom) => Promise<void>>>;
}

/** A room whose host has stopped it. */
export interface StandingRoom {
  /** URN. */
  readonly cleanroom: string;
  /** Pulls the plug: it never goes on. */
  kill(): void;
}

/** Seconds for verifiers and payments, each. */
const PATIENCE = '120';
const PROGRESS = /^([a-z]+) +(.*?)(?: {2}\(entry \d+\))?$/;
/** What a room comes to next, by how often it has said what it said last. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  '': ['contract.activate'],
  agreed: ['cleanroom.deploy'],
  attested: ['payment.hold'],
  paid: ['key.release', 'model.release'],
  keyed: ['run.start'],
  started: ['run.log'],
  trained: ['budget.spend'],
  completed: ['payment.settle'],
};
/** The same under a contract that asks for no payments. */
const NEXT_UNPAID: typeof NEXT = { ...NEXT, attested: ['key.release'], completed: ['model.release'] };

/** @returns the folder with the file that it leaves. @throws Refused by the gate that it was stopped at */
export async function runRoom(cycle: Cycle, options: RoomOptions = {}): Promise<string> {
  const { site, terms, log, files, found, observe } = cycle;
  const { name = 'cleanroom', data = site.path('data'), more = [], meanwhile = {} } = options;
  const platform = ['--simulator', site.path('platform.simulator'), '--measurement', toHex(MEASUREMENT)];
  const ccrp = cycle.one('CCRP');
  const out = site.path('delivery');
  const said: string[] = [];
  let cleanroom = '';
  let failure: unknown;
  let killed = false;
  const kill = (command: Command) => {
    killed = true;
    command.kill();
  };
  const asked = async (command: Command, act: (room: StandingRoom) => Promise<void>) => {
    command.pause();
    try {
      await act({ cleanroom, kill: () => kill(command) });
      command.resume();
    } catch (error) {
      failure = error;
      kill(command);
    }
  };
  const command = cycle.processes.run(
    name,
    [
      ...['cleanroom', 'run', '-o', 'json', '--contract', terms.body('contract.propose').id],
      ...['--pipeline', files.pipeline, '--data', data, '--out', out],
      ...['--work', site.path('cleanroom')],
      ...(files.supplement === undefined ? [] : ['--supplement', files.supplement]),
      ...(cycle.baseModel ? ['--base-model', cycle.baseModel.file] : []),
      ...['--key', ccrp.keyFile, '--issuer', ccrp.did, '--kms', found.kms!, '--evidence', log.url],
      ...[...(options.evidence ?? platform), '--patience', PATIENCE, ...more, ...cycle.flags('cleanroom')],
    ],
    (line) => {
      const [, step, detail] = PROGRESS.exec(line) ?? [];
      if (step === undefined || step === 'ended') return;
      said.push(step);
      if (step === 'deployed') cleanroom = detail!;
      observe('clean room', `${step} ${detail}`);
      const act = meanwhile[step];
      if (act && said.filter((each) => each === step).length === 1) void asked(command, act);
    },
  );
  const done = await command.done;
  if (failure) throw failure;
  if (killed) return out;
  try {
    succeeded(name, done);
    return out;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    throw new Refused(gateIn(error) ?? (await gateAfter(cycle, said, cleanroom)), error);
  }
}

/** What the room was about to do when it ended. */
async function gateAfter(cycle: Cycle, said: readonly string[], cleanroom: string): Promise<string> {
  const { client, terms } = cycle;
  const last = said.at(-1) ?? '';
  if (last === 'deployed') {
    const { values } = await client.facts([CLEANROOM.key(cleanroom)]);
    return values[0] && CLEANROOM.decode(values[0]).evidence > 0 ? 'cleanroom.appraise' : 'mount';
  }
  const next = (terms.body('contract.propose').payments.length > 0 ? NEXT : NEXT_UNPAID)[last];
  return next?.[said.filter((each) => each === last).length - 1] ?? next?.[0] ?? last;
}

/** What a room is told to do, for whoever says it in its stead. */
export function pipelineFilesOf({ files, site }: Cycle) {
  const read = (path: string) => Uint8Array.from(readFileSync(path));
  return {
    ...{ pipeline: read(files.pipeline), salt: site.crypto.randomBytes(32) },
    ...(files.supplement !== undefined && { supplement: read(files.supplement) }),
  };
}
