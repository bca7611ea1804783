/**
 * A small world for `aichain quickstart`: a log for development, its SRO, and one participant who registers
 * contracts. Everything goes over the network through the client, as a participant of a real log would do it.
 */
import { isUrn, listSigningKeys, signForeign, signStatement } from '../chain/index.ts';
import { GrpcTransport } from '../client/grpc-transport.ts';
import { type CallOptions, LedgerClient, type Registration } from '../client/index.ts';
import { type Bytes, concat, fromUtf8, toHex, utf8 } from '../core/bytes.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { loadConfig } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import {
  DEVELOPMENT_SRO,
  developmentSro,
  keyFolder,
  type RunningServer,
  startServer,
} from '../server/index.ts';
import { encodeEffectProof, parseTrust } from '../verify/index.ts';

/** DID of the training data consumer: the party that trains a model on what others provide. */
const TDC = 'did:web:tdc.example';
const DEADLINE = 30_000;

export interface Participant {
  readonly did: string;
  readonly key: PrivateKey;
}

/** What a party keeps of a registration. */
export interface Archive {
  readonly index: number;
  readonly entryId: Bytes;
  readonly receipt: Bytes;
  /** An encoded effect proof. */
  readonly effect: Bytes;
}

export interface ContractFile {
  readonly name: string;
  readonly bytes: Bytes;
}

export class Demonstration {
  readonly server: RunningServer;
  readonly #crypto: Crypto;
  readonly #client: LedgerClient;
  readonly #transport: GrpcTransport;
  readonly #sro: Participant;
  readonly #options: CallOptions;

  /** Starts a log in `dataDir`, which has none yet, on free ports of this machine. */
  static async start(crypto: Crypto, dataDir: string, signal: AbortSignal): Promise<Demonstration> {
    const flags = {
      dataDir,
      httpPort: '0',
      grpcPort: '0',
      workers: '1',
      diskFloorBytes: '0',
      logLevel: 'error',
    };
    const config = loadConfig({ flags, env: {} });
    const server = await startServer(config, createLogger({ level: config.logLevel }));
    const sro = { did: DEVELOPMENT_SRO, key: developmentSro(crypto, keyFolder(dataDir)) };
    const transport = new GrpcTransport(server.grpc);
    const client = await LedgerClient.connect({ transport, crypto, trust: parseTrust(crypto, server.trust) });
    return new Demonstration({ server, crypto, client, transport, sro, signal });
  }

  private constructor(parts: {
    server: RunningServer;
    crypto: Crypto;
    client: LedgerClient;
    transport: GrpcTransport;
    sro: Participant;
    signal: AbortSignal;
  }) {
    this.server = parts.server;
    this.#crypto = parts.crypto;
    this.#client = parts.client;
    this.#transport = parts.transport;
    this.#sro = parts.sro;
    this.#options = { deadlineMs: DEADLINE, signal: parts.signal };
  }

  get origin(): string {
    return this.server.ledger.origin;
  }

  get sro(): string {
    return this.#sro.did;
  }

  /** A participant with a key of its own asks to take part. */
  async requestParticipation(): Promise<{ participant: Participant; registration: Registration }> {
    const key = this.#crypto.generatePrivateKey('ES256');
    const registration = await this.#register({ did: TDC, key }, 'participant.register', {
      did: TDC,
      roles: ['TDC'],
      keys: listSigningKeys(this.#crypto, { log: this.origin, owner: TDC, keys: [key] }),
      organisation: this.#commitment('Example Model Developers'),
      jurisdiction: 'IN',
      endpoints: ['https://tdc.example'],
    });
    return { participant: { did: TDC, key }, registration };
  }

  /** The SRO has looked at the request, and grants it. */
  verifyParticipant({ did }: Participant, request: Registration): Promise<Registration> {
    const body = {
      did,
      decision: 'verified',
      roles: ['TDC'],
      evidence: this.#commitment('papers of the TDC'),
    };
    const { index, entryId } = request;
    return this.#register(this.#sro, 'participant.verify', body, [{ rel: 'after', index, entry: entryId }]);
  }

  /** A contract as a SCITT statement: its bytes as they are, under the signer's name. */
  signContract(
    { did, key }: Participant,
    { name, bytes }: ContractFile,
  ): { statement: Bytes; subject: string } {
    const subject = this.#subjectOf(name, bytes);
    const statement = signForeign(this.#crypto, key, {
      ...{ issuer: did, subject, issuedAt: seconds(), contentType: 'application/json', payload: bytes },
    });
    return { statement, subject };
  }

  register(statement: Bytes): Promise<Registration> {
    return this.#client.register(statement, this.#options);
  }

  /** Receipt and effect proof under the newest head, which no longer moves. */
  async archive({ entryId, index }: Registration): Promise<Archive> {
    const { receipt } = await this.#client.getReceipt(entryId, this.#options);
    const { proof } = await this.#transport.effect(index, { deadline: Date.now() + DEADLINE });
    return { index, entryId, receipt, effect: encodeEffectProof(proof) };
  }

  async checkpoint(): Promise<string> {
    return (await this.#client.getCheckpoint(this.#options)).checkpoint;
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.server.close();
  }

  #register(
    { did, key }: Participant,
    kind: string,
    body: object,
    refs: { rel: string; index: number; entry: Bytes }[] = [],
  ): Promise<Registration> {
    const statement = signStatement(this.#crypto, key, {
      ...{ log: this.origin, kind, issuer: did, issuedAt: seconds(), refs, body },
    });
    return this.register(statement);
  }

  /** Salted, because what is committed to could be guessed. */
  #commitment(text: string): Bytes {
    return this.#crypto.sha256(concat(this.#crypto.randomBytes(32), utf8(text)));
  }

  /** By the contract's own id where it is one that a URN takes, else by its content. */
  #subjectOf(name: string, bytes: Bytes): string {
    const id = contractId(name, bytes);
    const urn = `urn:depa:contract:${this.origin}:${id}`;
    return isUrn(urn) ? urn : `urn:depa:contract:${this.origin}:sha256-${toHex(this.#crypto.sha256(bytes))}`;
  }
}

/** @throws ARGUMENT_INVALID not JSON */
function contractId(name: string, bytes: Bytes): string {
  try {
    const contract: unknown = JSON.parse(fromUtf8(bytes));
    const { id } = (contract ?? {}) as { id?: unknown };
    return typeof id === 'string' ? id.toLowerCase() : '';
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `${name} is not a JSON file`, { cause });
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
