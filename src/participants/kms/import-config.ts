/**
 * DEPA-Training's key-import configuration (`importkey-config.json`): the name of a key, and under which claims it may be
 * released. Azure's attestation service would state the claims; here the ledger proves what they stand for: host data by the
 * code that the SRO certified and the room runs, a compliant UVM by the quorum of verifiers that affirmed its evidence. Any
 * other condition is refused: a key is not taken in under one that nobody would hold it to.
 */
import { textFault } from '../../chain/index.ts';
import { type Bytes, fromHex, fromUtf8 } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { type JsonOf, readJsonText } from '../../core/json.ts';

export interface ImportConfig {
  readonly dataKeyId: string;
  /** SHA-256 of each clean-room policy that the key is for; 32 bytes each, at least one. */
  readonly hostData: readonly Bytes[];
}

const MAX_ID = 128;
const MAX_ALTERNATIVES = 16;
const HOST_DATA = 'x-ms-sevsnpvm-hostdata';
const COMPLIANCE = 'x-ms-compliance-status';

type Json = JsonOf<null>;
const NOTHING: Json = new Map();

/**
 * @throws REQUEST_MALFORMED not JSON, or not such a configuration; PLACEHOLDER_VALUE a template that was not filled in;
 * SECRET_IN_BODY a bearer token is in it; KEY_POLICY_UNSUPPORTED
 */
export function readImportConfig(file: Bytes): ImportConfig {
  const config = member(json(file), 'the configuration');
  const key = member(config.get('key'), 'key');
  only(config, ['key', 'key_derivation', 'claims']);
  only(key, ['kid', 'kty', 'authority', 'akv']);
  const dataKeyId = text(key.get('kid'), 'key.kid');
  if (dataKeyId.length > MAX_ID) throw malformed('key.kid is too long');
  const kty = text(key.get('kty'), 'key.kty');
  if (kty !== 'oct' && kty !== 'oct-HSM') throw unsupported(`a key of type ${kty}: only symmetric ones`);
  const akv = member(key.get('akv') ?? NOTHING, 'key.akv');
  const derivation = member(config.get('key_derivation') ?? NOTHING, 'key_derivation');
  // Whoever reads it could act for the owner: it is for the owner's tools, and goes nowhere.
  if (!isEmpty(akv.get('bearer_token'))) {
    throw fail('SECRET_IN_BODY', 'key.akv.bearer_token has to be left empty');
  }
  for (const [name, value] of derivation) {
    if (!isEmpty(value)) throw unsupported(`key_derivation.${name}: the key is used as it is`);
  }
  return { dataKeyId, hostData: hostDataOf(config.get('claims')) };
}

/** `claims` are alternatives, each a list of what has to hold together. */
function hostDataOf(claims: Json | undefined): Bytes[] {
  const alternatives = list(claims, 'claims');
  if (alternatives.length === 0) throw unsupported('without claims, any code could have the key');
  if (alternatives.length > MAX_ALTERNATIVES) throw malformed('too many claims');
  return alternatives.map((alternative) => {
    const found: Bytes[] = [];
    for (const each of list(alternative, 'claims')) {
      const claim = member(each, 'a claim');
      only(claim, ['claim', 'equals']);
      const name = text(claim.get('claim'), 'the name of a claim');
      const value = text(claim.get('equals'), name);
      if (name === HOST_DATA) found.push(digest(value));
      else if (name !== COMPLIANCE || value !== 'azure-compliant-uvm')
        throw unsupported(`${name} = ${value}`);
    }
    if (found.length !== 1) throw unsupported(`each alternative names its ${HOST_DATA}, once`);
    return found[0]!;
  });
}

function json(file: Bytes): Json {
  try {
    return readJsonText<null>(fromUtf8(file), {
      // None of its members is a number.
      number: () => null,
      ...{ maxDepth: 8, maxMembers: 32, maxEscapes: 256 },
      fault: (message) => malformed(message),
    });
  } catch (cause) {
    throw fail('REQUEST_MALFORMED', `not a key-import configuration: ${(cause as Error).message}`, { cause });
  }
}

function member(value: Json | undefined, name: string): ReadonlyMap<string, Json> {
  if (value instanceof Map) return value;
  throw malformed(`${name} is not an object`);
}

function list(value: Json | undefined, name: string): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw malformed(`${name} is not a list`);
}

function text(value: Json | undefined, name: string): string {
  if (typeof value !== 'string') throw malformed(`${name} is not a text`);
  const found = textFault(value);
  if (found) throw fail(found, `${name} is not a value`);
  return value;
}

function digest(value: string): Bytes {
  if (!/^[0-9a-fA-F]{64}$/.test(value)) throw malformed('host data is 32 bytes in hexadecimal');
  return fromHex(value.toLowerCase());
}

function isEmpty(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}

/** A condition that is spelt otherwise would be passed over. */
function only(map: ReadonlyMap<string, Json>, known: readonly string[]): void {
  for (const name of map.keys()) if (!known.includes(name)) throw unsupported(`the member ${name}`);
}

function malformed(message: string) {
  return fail('REQUEST_MALFORMED', message);
}

function unsupported(message: string) {
  return fail('KEY_POLICY_UNSUPPORTED', message);
}
