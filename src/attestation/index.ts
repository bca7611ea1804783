// Appraisal of evidence of trusted execution environments: AMD SEV-SNP, raw and in Azure's envelope, and a simulator.
// Pure: bytes, anchors, policy and a time in, a result with every check out; no clock, no I/O, nothing fetched.
// What a log makes of a result is in chain; where evidence and collateral come from is for the caller.
export { type Anchors, anchorsDigest, readAnchors, TEE_TYPES, type TeeType } from './anchors.ts';
export { type Appraisal, Appraiser, type Evidence } from './appraise.ts';
export {
  BINDING_SCHEMES,
  type Binding,
  type BindingScheme,
  readRuntimeData,
  reportData,
  runtimeData,
} from './binding.ts';
export type { Expected } from './binding-checks.ts';
export { canonicalJson } from './canonical-json.ts';
export { CHECKS, type Check, type CheckName, type Tier, type Verdict } from './check.ts';
export { ATTESTATION_CODES, type AttestationCode, describeAttestationCode } from './codes.ts';
export { type ContainerPolicy, readContainerPolicy } from './container-policy.ts';
export { type Collateral, type EvidenceParts, readEnvelope } from './envelope.ts';
export { type AppraisalPolicy, policyDigest, readAppraisalPolicy } from './policy.ts';
export { Reference, type Rego, type RegoMap } from './rego-literal.ts';
export { type Ear, encodeAppraisal, toEar } from './result.ts';
export {
  type RsaSigner,
  SIMULATED_CPUID,
  SIMULATED_TCB,
  type SimulatedMachine,
  Simulator,
  type SimulatorKeys,
} from './simulator.ts';
export type { Endorser } from './strict-value.ts';
