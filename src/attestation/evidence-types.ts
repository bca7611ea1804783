/** The plug-ins: how each type of evidence is taken apart. Adding one adds a line here, and its file. */
import type { Bytes } from '../core/bytes.ts';
import type { TeeType } from './anchors.ts';
import { type EvidenceParts, readEnvelope, readRaw } from './envelope.ts';
import { REPORT_SIZE } from './snp-report.ts';

interface EvidenceType {
  /** @throws what the bytes are not */
  open(bytes: Bytes): EvidenceParts;
}

export const EVIDENCE_TYPES: Readonly<Record<TeeType, EvidenceType>> = {
  snp: { open: readRaw },
  'snp-aci': { open: readEnvelope },
  /** Of the development simulator, which makes both forms. */
  simulated: { open: (bytes) => (bytes.length === REPORT_SIZE ? readRaw(bytes) : readEnvelope(bytes)) },
};
