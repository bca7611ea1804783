/**
 * What DEPA-Training's own files say (contract.json, pipeline, data set and scenario configurations, clean-room policies),
 * as bodies of the chain's kinds. Pure: bytes in; bodies, or a list of what cannot be taken, out. Nothing is guessed: what
 * the files lack comes from an overlay file, or is named as missing.
 */
export {
  type Imported,
  type ImportedBody,
  importContract,
  type SourceFile,
  type Sources,
} from './import.ts';
export type { Problem } from './place.ts';
