/**
 * Where evidence comes from: a simulated platform, or the machine's own. The room hands in what the evidence has to be bound
 * to, and gets bytes; that they fit is for the verifiers to find, and everything from there on is the same.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Binding,
  reportData,
  runtimeData,
  type Simulator,
  type TeeType,
} from '../../attestation/index.ts';
import { type Bytes, toHex } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { makeFolder, writeFileAtomically } from '../../platform/write-file.ts';

export interface EvidenceSource {
  readonly tee: TeeType;
  evidence(binding: Binding, signal: AbortSignal): Promise<Bytes>;
}

/** What a simulated machine says of itself, beside the binding. */
export interface SimulatedRoom {
  /** 48 bytes: what was launched. */
  readonly measurement: Bytes;
  /** 32 bytes: digest of the container policy. */
  readonly hostData: Bytes;
  /** Default: no debugging and no migration. */
  readonly guestPolicy?: bigint;
}

export function simulatedEvidence(crypto: Crypto, simulator: Simulator, room: SimulatedRoom): EvidenceSource {
  return {
    tee: 'simulated',
    evidence: async (binding) => {
      const runtime = runtimeData(binding);
      const machine = { ...room, reportData: reportData(crypto, 'jcs-sha512', runtime) };
      return simulator.envelope(machine, { runtimeData: runtime });
    },
  };
}

const MAX_EVIDENCE = 512 * 1024;
/** Milliseconds between two looks for the file. */
const PAUSE = 500;
const PATIENCE = 120_000;

/**
 * From a machine whose firmware is asked by a tool of its own. The room writes `runtime-data.json` and `report-data.hex` (64
 * bytes, for `snpguest report` and the like) into the folder; the tool puts what it got into `evidence.json`, in the envelope
 * of docs/guides/attestation.md. A file that is there already is taken as it is: if it was made for other keys, no verifier
 * affirms it.
 */
export function evidenceFromFolder(
  crypto: Crypto,
  folder: string,
  { tee, patienceMs = PATIENCE }: { tee: TeeType; patienceMs?: number },
): EvidenceSource {
  const file = join(folder, 'evidence.json');
  return {
    tee,
    evidence: async (binding, signal) => {
      const runtime = runtimeData(binding);
      makeFolder(folder, 0o777);
      writeFileAtomically(join(folder, 'runtime-data.json'), new TextDecoder().decode(runtime));
      const data = reportData(crypto, 'jcs-sha512', runtime);
      writeFileAtomically(join(folder, 'report-data.hex'), `${toHex(data)}\n`);
      for (const until = Date.now() + patienceMs; ; ) {
        const bytes = await contentOf(file);
        if (bytes) return bytes;
        if (Date.now() > until) throw fail('DEADLINE_EXCEEDED', `nobody has written ${file}`);
        await delay(PAUSE, undefined, { signal });
      }
    },
  };
}

/** Undefined: not there yet. */
async function contentOf(path: string): Promise<Bytes | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_EVIDENCE) throw fail('ARGUMENT_INVALID', `${path} is longer than ${MAX_EVIDENCE} bytes`);
    return size === 0 ? undefined : Uint8Array.from(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
