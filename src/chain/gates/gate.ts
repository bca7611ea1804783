/**
 * What a gate is: the question that somebody asks the ledger before a step of the lifecycle, and the pure function that
 * answers it from the state. It asks for records by key; those that it read, with their proofs, are the proof bundle
 * (FORMATS §6), and who verifies runs the same function over them.
 *
 * A gate has no clock but `at`. It never catches: a record that a verifier was not given ends it (see reads.ts).
 */
import type { Policy } from '../policy.ts';
import type { StateReader } from '../record.ts';
import type { Refusal } from '../refusal.ts';
import { type Optional, type Schema, type StructOf, struct } from '../schema.ts';
import type { GenesisRecord } from '../state.ts';

export interface GateContext {
  /** Unix milliseconds: the time that everything is judged at. */
  readonly at: number;
  readonly read: StateReader;
  readonly genesis: GenesisRecord;
  /** In force at `at`; a record like any other, and read only where it is asked for. */
  policy(): Policy;
}

type Members = Readonly<Record<string, Schema<unknown> | Optional<unknown>>>;

interface Declaration<M extends Members, Reasons extends Readonly<Record<string, string>>> {
  /** The step that the answer opens. */
  readonly step: string;
  /** What is asked, in one sentence, for the reference. */
  readonly question: string;
  readonly members: M;
  /** Why it can be denied, and what that means. */
  readonly reasons: Reasons;
  /** The first thing that speaks against the step; undefined: nothing does. */
  decide(context: GateContext, request: StructOf<M>): Refusal<NoInfer<keyof Reasons & string>> | undefined;
  /** Indexes of the entries that an allowed answer has to bring along as evidence (default: none). */
  evidence?(context: GateContext, request: StructOf<M>): readonly number[];
}

export interface Gate<
  Step extends string = string,
  Request = unknown,
  Reasons extends Readonly<Record<string, string>> = Readonly<Record<string, string>>,
> {
  readonly step: Step;
  readonly question: string;
  /** Names of the members of a request. */
  readonly members: readonly string[];
  readonly request: Schema<Request>;
  readonly reasons: Reasons;
  /** Method syntax, so that every gate fits this type: each is given what its own schema read. */
  decide(context: GateContext, request: Request): Refusal | undefined;
  evidence(context: GateContext, request: Request): readonly number[];
}

export function declareGate<
  const Step extends string,
  const M extends Members,
  const Reasons extends Readonly<Record<string, string>>,
>(declaration: Declaration<M, Reasons> & { readonly step: Step }): Gate<Step, StructOf<M>, Reasons> {
  const { step, question, members, reasons, decide, evidence } = declaration;
  return {
    step,
    question,
    members: Object.keys(members),
    request: struct(members),
    reasons,
    decide,
    evidence: evidence ?? (() => []),
  };
}
