// The commands, one file each: a declaration of arguments, options and action. Adding one touches its file and this
// list. The order is that of `aichain help`.
import type { CommandMaker } from './context.ts';
import { env } from './env.ts';
import { inspect } from './inspect.ts';
import { keygen } from './keygen.ts';
import { sign } from './sign.ts';
import { verify } from './verify.ts';

export const COMMANDS: readonly CommandMaker[] = [keygen, sign, verify, inspect, env];
