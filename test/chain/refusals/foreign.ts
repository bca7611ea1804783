/** Foreign statements: little is asked of them, but that is. */
import { encode } from '../../../src/core/cbor.ts';
import { claims, duplicated, type Forgery, forge } from '../forge.ts';
import { type Base, caseList } from './base.ts';

const { cases, refuses } = caseList();

function foreign(reason: string, what: string, edit: (parts: Forgery, base: Base) => void): void {
  refuses('frame', reason, `foreign: ${what}`, (b) =>
    forge(b.world.foreign(b.tdc), b.tdc.keys[0], (parts) => edit(parts, b)),
  );
}
foreign('HEADER_MISSING', 'our typ', (p) => p.header.set(16, 'application/vnd.depa.aichain+cbor'));
foreign('HEADER_MISSING', 'kid is text', (p) => p.header.set(4, 'a kid'));
foreign('HEADER_MISSING', 'no claims', (p) => p.header.delete(15));
foreign('HEADER_MISSING', 'no iss', (p) => claims(p, { 1: undefined }));
foreign('CRIT_UNKNOWN', 'crit', (p) => p.header.set(2, [4]));
foreign('CBOR_MALFORMED', 'duplicate label', (p) => (p.protectedBytes = duplicated(encode(p.header))));
foreign('COSE_MALFORMED', 'detached payload', (p) => (p.payload = null));
foreign('SIGNER_UNKNOWN', 'iss is not the owner of the key', (p, { icmr }) => claims(p, { 1: icmr.did }));
foreign('IAT_IN_FUTURE', 'issued in six minutes', (p, { world }) => claims(p, { 6: world.now + 360 }));
refuses('frame', 'SIGNER_NOT_ACTIVE', 'foreign: not verified yet', ({ world, cowin }) =>
  world.foreign(cowin),
);
refuses('frame', 'KID_UNKNOWN', 'foreign: not registered', ({ world }) =>
  world.foreign(world.member('nobody')),
);
refuses('frame', 'DUPLICATE', 'foreign: logged before', ({ world, tdc }) => {
  const statement = world.foreign(tdc);
  world.accept(statement);
  return statement;
});

export default cases;
