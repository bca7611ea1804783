/**
 * The evidence of an alarm as files that verify offline (`aichain verify`): what was signed as it was received, and, where
 * it convicts the log, one proof of misbehaviour.
 */

import type { Bytes } from '../../core/bytes.ts';
import { utf8 } from '../../core/bytes.ts';
import { encode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { formatTlogProof, openCheckpoint } from '../../note/index.ts';
import { makeMisbehaviour, makeStateMisbehaviour, type Trust } from '../../verify/index.ts';
import type { Alarm, Evidence } from '../alarm.ts';

export interface CaseFile {
  readonly name: string;
  readonly content: Bytes;
}

/** The file that convicts the log, if the evidence does. */
export const PROOF_FILE = 'misbehaviour.cbor';

export function caseFiles(crypto: Crypto, trust: Trust, { evidence }: Alarm): CaseFile[] {
  if (!evidence) return [];
  const proof = proofOf(crypto, trust, evidence);
  return [...(proof ? [{ name: PROOF_FILE, content: proof }] : []), ...rawFiles(crypto, trust, evidence)];
}

function proofOf(crypto: Crypto, trust: Trust, evidence: Evidence): Bytes | undefined {
  switch (evidence.type) {
    case 'checkpoints': {
      const { older, newer, begins, path = [] } = evidence;
      const heads = [older, newer] as const;
      return (
        makeMisbehaviour(crypto, trust, { kind: 'fork', heads }) ??
        makeMisbehaviour(crypto, trust, { kind: 'unconnected', heads, path }) ??
        // The path of a perfect tree leaves its root out; written out, it shows what the newer tree begins with.
        (begins && makeMisbehaviour(crypto, trust, { kind: 'unconnected', heads, path: [begins, ...path] }))
      );
    }
    case 'state-entry': {
      const { checkpoint, previous, run, index, stateEntry, path } = evidence;
      const states = previous && ([previous, { index, stateEntry, path }] as const);
      return (
        (states && makeMisbehaviour(crypto, trust, { kind: 'time', heads: [checkpoint], states })) ??
        (run && makeStateMisbehaviour(crypto, trust, { ...run, checkpoint }))
      );
    }
    case 'entry': {
      const { checkpoint, index, effect } = evidence;
      return (
        effect && makeMisbehaviour(crypto, trust, { kind: 'refused', heads: [checkpoint], index, effect })
      );
    }
    case 'withheld':
      // That something was not served, nobody can prove to whoever did not ask.
      return undefined;
  }
}

function rawFiles(crypto: Crypto, trust: Trust, evidence: Evidence): CaseFile[] {
  switch (evidence.type) {
    case 'checkpoints': {
      const { older, newer, path } = evidence;
      return [
        { name: 'older.checkpoint', content: utf8(older) },
        { name: 'newer.checkpoint', content: utf8(newer) },
        ...(path ? consistencyFile(crypto, trust, older, newer, path) : []),
      ];
    }
    case 'state-entry': {
      const { checkpoint, index, stateEntry, path, previous, expected } = evidence;
      return [
        { name: 'checkpoint', content: utf8(checkpoint) },
        { name: 'state-entry.cbor', content: stateEntry },
        { name: 'state-entry.tlog-proof', content: proofText(checkpoint, index, path) },
        ...(previous
          ? [
              { name: 'previous.cbor', content: previous.stateEntry },
              { name: 'previous.tlog-proof', content: proofText(checkpoint, previous.index, previous.path) },
            ]
          : []),
        ...(expected ? [{ name: 'expected.cbor', content: expected }] : []),
      ];
    }
    case 'entry': {
      const { checkpoint, index, leafData, statement, path } = evidence;
      return [
        { name: statement ? 'statement.cose' : 'leaf.cbor', content: statement ?? leafData },
        {
          name: statement ? 'statement.cose.tlog-proof' : 'leaf.tlog-proof',
          content: proofText(checkpoint, index, path),
        },
      ];
    }
    case 'withheld': {
      const { checkpoint, path, served } = evidence;
      return [
        { name: 'checkpoint', content: utf8(checkpoint) },
        { name: 'tile-path', content: utf8(`${path}\n`) },
        ...(served ? [{ name: 'tile', content: served }] : []),
      ];
    }
  }
}

/** As `aichain verify` reads it: `[from, to, path]`. */
function consistencyFile(
  crypto: Crypto,
  trust: Trust,
  older: string,
  newer: string,
  path: readonly Bytes[],
): CaseFile[] {
  const [from, to] = [older, newer].map((note) => openCheckpoint(crypto, note, trust.checkpointKey).size);
  return [{ name: 'consistency.cbor', content: encode([from!, to!, path]) }];
}

function proofText(checkpoint: string, index: number, path: readonly Bytes[]): Bytes {
  return utf8(formatTlogProof({ index, path, checkpoint }));
}
