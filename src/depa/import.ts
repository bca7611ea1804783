/**
 * From DEPA's files to the bodies of the entries that they stand for, in the order in which they are logged. What the overlay
 * says comes before what the files say, and is named. With a problem anywhere there are no bodies: half an import is none.
 */
import { kindNamed } from '../chain/index.ts';
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import { type Cbor, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { certifiedCode } from './code.ts';
import { proposal } from './contract.ts';
import { registrations } from './dataset.ts';
import { type Json, readJson } from './json.ts';
import { checkNames } from './overlay.ts';
import { deployment, readPipeline } from './pipeline.ts';
import { type Notes, Place, type Problem, type Replaced } from './place.ts';

/** A file as it was read. */
export interface SourceFile {
  /** As the user named it. */
  readonly name: string;
  readonly bytes: Bytes;
}

export interface Sources {
  /** contract.json. */
  readonly contract: SourceFile;
  /** What the other files lack, in the form that docs/guides/import.md describes. */
  readonly overlay?: SourceFile;
  /** pipeline_config.json. */
  readonly pipeline?: SourceFile;
  /** dataset_config.json. */
  readonly dataset?: SourceFile;
  /** scenario.json. */
  readonly scenario?: SourceFile;
  /** policy-in.json: the containers of the clean room. */
  readonly policy?: SourceFile;
}

export interface Circumstances {
  /** The log that it is for. */
  readonly origin: string;
  /** Unix seconds: what has ended by then is not imported. */
  readonly at: number;
  /** 32 random bytes that keep the pipeline from being guessed from its commitment. */
  readonly salt: Bytes;
}

export interface ImportedBody {
  readonly kind: string;
  /** What to call a file of it. */
  readonly name: string;
  /** Who has to sign it. */
  readonly signer: string | undefined;
  readonly body: object;
}

export interface Imported {
  /** None if there are problems. */
  readonly bodies: readonly ImportedBody[];
  readonly problems: readonly Problem[];
  /** What the commitment to the pipeline is salted with: 32 bytes. */
  readonly salt: Bytes;
  readonly replaced: readonly Replaced[];
}

/** What the mappers have before them: a place for each file; an empty one for a file that was not given. */
export interface Desk extends Circumstances {
  readonly hasher: Hasher;
  readonly contract: Place;
  readonly overlay: Place;
  readonly pipeline: Place;
  readonly dataset: Place;
  readonly scenario: Place;
  readonly policy: Place;
  readonly contractBytes: Bytes;
  readonly pipelineBytes: Bytes | undefined;
}

export function importContract(hasher: Hasher, sources: Sources, circumstances: Circumstances): Imported {
  const problems: Problem[] = [];
  const replaced: Replaced[] = [];
  const json = (file: SourceFile | undefined) => file && parsed(file, problems);
  const overlayJson = json(sources.overlay);
  const notes: Notes = { problems, replaced, variables: variablesOf(overlayJson) };
  const place = (file: SourceFile | undefined) => new Place(notes, file?.name ?? '', json(file));
  const overlay = new Place(notes, sources.overlay?.name ?? 'the overlay', overlayJson);
  const salt = overlay.at('cleanroom', 'salt').maybe((place) => place.digest()) ?? circumstances.salt;
  const desk: Desk = {
    ...circumstances,
    ...{ hasher, overlay, salt },
    contract: place(sources.contract),
    pipeline: place(sources.pipeline),
    dataset: place(sources.dataset),
    scenario: place(sources.scenario),
    policy: place(sources.policy),
    contractBytes: sources.contract.bytes,
    pipelineBytes: sources.pipeline?.bytes,
  };
  // A file that is no JSON has one problem; what it would say is not missed as well.
  if (problems.length > 0) return { bodies: [], problems, salt, replaced };

  checkNames(desk.overlay, desk.contract);
  const pipeline = readPipeline(desk);
  const bodies = [
    ...(sources.policy ? [certifiedCode(desk, pipeline)] : []),
    ...registrations(desk, pipeline),
    proposal(desk, pipeline),
    ...(pipeline ? [deployment(desk, pipeline)] : []),
  ];
  if (problems.length === 0) for (const body of bodies) checkSchema(body, problems);
  // What is wrong with the contract comes before what is missing beside it.
  const order = [desk.contract, desk.pipeline, desk.dataset, desk.scenario, desk.policy].map(
    ({ file }) => file,
  );
  const rank = ({ file }: Problem) => (order.includes(file) ? order.indexOf(file) : order.length);
  problems.sort((a, b) => rank(a) - rank(b));
  return { bodies: problems.length > 0 ? [] : bodies, problems, salt, replaced };
}

/** What the kind's own schema says of a body whose every value is well formed: lengths, alphabets, counts. */
function checkSchema({ kind, name, body }: ImportedBody, problems: Problem[]): void {
  try {
    kindNamed(kind)?.body.read(decode(encode(body as Cbor)), '');
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    problems.push({ file: name, path: '', code: error.code, message: error.message });
  }
}

function parsed({ name, bytes }: SourceFile, problems: Problem[]): Json | undefined {
  try {
    return readJson(fromUtf8(bytes));
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    problems.push({ file: name, path: '', code: error.code, message: error.message });
    return undefined;
  }
}

function variablesOf(overlay: Json | undefined): ReadonlyMap<string, string> {
  const given = overlay instanceof Map ? overlay.get('variables') : undefined;
  const texts = given instanceof Map ? [...(given as ReadonlyMap<string, Json>)] : [];
  return new Map(texts.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
