/** What a proof of misbehaviour shows, in words and as JSON; and the proof that two contradicting checkpoints make. */
import { type Bytes, toBase64, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { parseCheckpoint, parseNote } from '../note/index.ts';
import { decodeMisbehaviour, makeMisbehaviour, type Trust, verifyMisbehaviour } from '../verify/index.ts';
import type { Evidence } from './evidence.ts';
import type { Finding } from './ladder-text.ts';
import type { Json } from './terminal.ts';

export function misbehaviourFinding(crypto: Crypto, trust: Trust, subject: string, file: Bytes): Finding {
  const verification = verifyMisbehaviour({ crypto, trust, file });
  const { steps } = verification;
  if (!verification.verified) return { subject, steps, error: verification.error, proven: '', json: {} };
  const { kind, origin, what, rebuttal, heads } = verification.value;
  const sentences = [
    `MISBEHAVIOUR of ${origin}: ${what}.`,
    'Whoever holds its keys has signed this: no fault of a network, and nobody else, can make such a file.',
    ...(rebuttal === undefined ? [] : [`(${rebuttal}.)`]),
  ];
  return {
    ...{ subject, steps, error: undefined, proven: sentences.join(' ') },
    json: {
      ...{ misbehaviour: kind, origin, what, rebuttal },
      heads: heads.map(({ size, root }) => ({ treeSize: size, root: toBase64(root) })),
    },
  };
}

/** Of two checkpoints that were given, and the path between them; undefined: they do not convict the log. */
export function misbehaviourOf(
  crypto: Crypto,
  trust: Trust,
  { checkpoints, consistency }: Evidence,
): Bytes | undefined {
  const [first, second] = checkpoints.map(({ note }) => note).sort((a, b) => sizeOf(a) - sizeOf(b));
  if (first === undefined || second === undefined) return undefined;
  const heads = [first, second] as const;
  return (
    makeMisbehaviour(crypto, trust, { kind: 'fork', heads }) ??
    makeMisbehaviour(crypto, trust, { kind: 'unconnected', heads, path: consistency?.path ?? [] })
  );
}

/** As it claims; 0 where it cannot be read, which verification will say. */
function sizeOf(note: string): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch {
    return 0;
  }
}

/** For `aichain inspect`. */
export function describeMisbehaviour(bytes: Bytes): Json {
  const { kind, origin, heads } = decodeMisbehaviour(bytes);
  return {
    misbehaviour: kind,
    saidOf: origin,
    heads: heads.map((head) =>
      typeof head === 'string'
        ? head.split('\n').slice(0, 3)
        : { receiptOf: toBase64url(head.entryId), receipt: `${head.receipt.length} bytes` },
    ),
  };
}
