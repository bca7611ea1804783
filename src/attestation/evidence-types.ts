/** The plug-ins: how each type of evidence is taken apart. Adding one adds a line here, and its file. */
import type { Bytes } from '../core/bytes.ts';
import type { TeeType } from './anchors.ts';
import { type EvidenceParts, readEnvelope, readRaw } from './envelope.ts';

interface EvidenceType {
  /** @throws what the bytes are not */
  open(bytes: Bytes): EvidenceParts;
}

/** `{` begins an envelope; a report begins with its version. */
const OBJECT = 0x7b;
const either = (bytes: Bytes) => (bytes[0] === OBJECT ? readEnvelope(bytes) : readRaw(bytes));

export const EVIDENCE_TYPES: Readonly<Record<TeeType, EvidenceType>> = {
  /** The report as the processor made it, or in an envelope with what is needed to judge it. */
  snp: { open: either },
  /** Of Azure's confidential containers, which always come in the envelope. */
  'snp-aci': { open: readEnvelope },
  /** Of the development simulator, which makes both forms. */
  simulated: { open: either },
};
