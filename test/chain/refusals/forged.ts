/** A good statement of `tdc`, and cases in which it is wrong in one place. */
import type { Bytes } from '../../../src/core/bytes.ts';
import { type Forgery, forge } from '../forge.ts';
import type { Base, Refuses } from './base.ts';

export function addition({ world, tdc }: Base): Bytes {
  return world.sign(tdc, 'key.add', world.listed(tdc, world.key('tdc/new')));
}

type Forged = (reason: string, what: string, edit: (parts: Forgery, base: Base) => void) => void;

export function forging(refuses: Refuses): Forged {
  return (reason, what, edit) =>
    refuses('frame', reason, what, (b) => forge(addition(b), b.tdc.keys[0], (parts) => edit(parts, b)));
}
