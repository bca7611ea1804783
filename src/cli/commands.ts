// The commands, one file each: a declaration of arguments, options and action. Adding one touches its file and this
// list. The order is that of `aichain help`.

import { appraise } from './appraise.ts';
import { appraiser } from './appraiser.ts';
import { backup } from './backup.ts';
import { bank } from './bank.ts';
import { checkpoint } from './checkpoint.ts';
import { cleanroom } from './cleanroom.ts';
import { completion } from './completion.ts';
import type { CommandMaker } from './context.ts';
import { contract } from './contract.ts';
import { contractService } from './contract-service.ts';
import { env } from './env.ts';
import { fsck } from './fsck.ts';
import { gate } from './gate.ts';
import { get } from './get.ts';
import { impact } from './impact.ts';
import { init } from './init.ts';
import { inspect } from './inspect.ts';
import { keygen } from './keygen.ts';
import { kms } from './kms.ts';
import { list } from './list.ts';
import { mirror } from './mirror.ts';
import { model } from './model.ts';
import { monitor } from './monitor.ts';
import { policy } from './policy.ts';
import { prove } from './prove.ts';
import { quickstart } from './quickstart.ts';
import { register } from './register.ts';
import { reindex } from './reindex.ts';
import { restore } from './restore.ts';
import { scenario } from './scenario.ts';
import { serve } from './serve.ts';
import { sign } from './sign.ts';
import { timeline } from './timeline.ts';
import { trace } from './trace.ts';
import { verify } from './verify.ts';
import { witness } from './witness.ts';

export const COMMANDS: readonly CommandMaker[] = [
  quickstart,
  scenario,
  init,
  serve,
  witness,
  monitor,
  mirror,
  appraiser,
  contractService,
  bank,
  kms,
  cleanroom,
  keygen,
  sign,
  contract,
  register,
  get,
  prove,
  verify,
  gate,
  appraise,
  policy,
  trace,
  impact,
  timeline,
  list,
  model,
  fsck,
  reindex,
  backup,
  restore,
  checkpoint,
  inspect,
  env,
  completion,
];
