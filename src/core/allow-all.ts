/**
 * Host data that stands for a container policy which allows everything. A machine that was launched with one of these
 * can be told to run anything, so that its evidence says nothing.
 */
import { type Bytes, equal, fromHex } from './bytes.ts';

/** SHA-256 of policies that tools publish for trying things out, and what hosts measure when there is no policy. */
const ALLOW_ALL: readonly Bytes[] = [
  '73973b78d70cc68353426de188db5dfc57e5b766e399935fb73a61127ea26d20', // Azure's allow-all policy, in Rego
  'cadd74f71ebb8fbf9782baab649612520f3c416bc5ce9ac768808ddc8d9b031c', // an older form of it
  '4f4448c67f3c8dfc8de8a5e37125d807dadcc41f06cf23f615dbd52eec777d10', // one that states a framework_svn
  'ab6ccfea6e8c9c6233b1a4631cfd6440ecf910694b34d7e92e0236738758831e', // {"allow_all":true,"containers":{"length":0,"elements":null}}
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', // the empty policy
  '0000000000000000000000000000000000000000000000000000000000000000', // none at all
].map(fromHex);

export function allowsAll(hostData: Bytes): boolean {
  return ALLOW_ALL.some((known) => equal(known, hostData));
}
