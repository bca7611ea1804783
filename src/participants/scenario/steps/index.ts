/** The cycle, step by step. */
import { admit } from './admit.ts';
import { agree } from './agree.ts';
import { close } from './close.ts';
import { govern } from './govern.ts';
import { offer } from './offer.ts';
import { prove } from './prove.ts';
import { receive } from './receive.ts';
import { serve } from './serve.ts';
import { train } from './train.ts';

export const STEPS = [govern, admit, serve, offer, agree, train, receive, close, prove] as const;

export type StepName = (typeof STEPS)[number]['name'];
