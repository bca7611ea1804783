/** A log with a witness and a replayer, on which the COVID-19 story is told up to where a KMS takes part. */
import { join } from 'node:path';
import { type Dispatcher, request as send } from 'undici';
import { RELEASE, type Ref } from '../../../src/chain/index.ts';
import { LedgerClient } from '../../../src/client/index.ts';
import { type Bytes, fromBase64url } from '../../../src/core/bytes.ts';
import {
  generateUnwrappingKey,
  type UnwrappingKey,
  unwrapKey,
  type WrapPurpose,
} from '../../../src/participants/key-wrap.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro, keyFolder } from '../../../src/server/index.ts';
import { PROVIDERS, type Step, Story, type Told } from '../../chain/story.ts';
import { World } from '../../chain/world.ts';
import { covid, publishedEpsilons } from '../../depa/scenario.ts';
import { serveWitnessed, type WitnessedServer } from '../../e2e/witnessed-server.ts';
import { config, dataKeyOf, file, request } from './imports.ts';

export type Provider = (typeof PROVIDERS)[number];

/** The status, and the reason or the wrapped key. */
export interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly wrapped?: string;
}

export class KmsScene {
  readonly witnessed: WitnessedServer;
  readonly client: LedgerClient;
  readonly story: Story;
  /** The room’s own: what keys are wrapped to can be opened. */
  readonly room: UnwrappingKey;
  readonly #entries = new Map<string, Ref>();
  readonly #told: Told = { ref: (step, rel = 'after') => ({ ...this.#entries.get(step)!, rel }) };

  /** @param folder an empty one */
  static async open(folder: string): Promise<KmsScene> {
    const witnessed = await serveWitnessed(folder);
    const { server, trust } = witnessed;
    const client = await LedgerClient.connect({ grpc: server.grpc, trust });
    const world = World.empty(crypto, server.ledger.origin);
    world.time = Date.now();
    const keys = [developmentSro(crypto, keyFolder(join(folder, 'log')))] as const;
    const training = { epsilons: publishedEpsilons('covid'), delta: 10_000_000_000 };
    const sro = { did: DEVELOPMENT_SRO, keys };
    const story = Story.of(world, { sources: covid(), training, sro, policyVersion: 2 });
    return new KmsScene(witnessed, client, story, await generateUnwrappingKey('X25519'));
  }

  private constructor(witnessed: WitnessedServer, client: LedgerClient, story: Story, room: UnwrappingKey) {
    this.witnessed = witnessed;
    this.client = client;
    this.story = story;
    this.room = room;
    const wrapKey = story.wrapKey.bind(story);
    story.wrapKey = (name) => (name === 'room 1' ? room.listed : wrapKey(name));
  }

  async close(): Promise<void> {
    this.client.close();
    await this.witnessed.close();
  }

  async log(...steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      this.story.world.time = Date.now();
      const wait = i === steps.length - 1 ? 'WITNESSED' : 'LOGGED';
      const { index, entryId } = await this.client.register(step.statement(this.#told), { wait });
      this.#entries.set(step.name, { rel: 'after', index, entry: entryId });
    }
  }

  urn(n: number): string {
    return this.story.urn('release', n);
  }

  dataKeyId(provider: Provider): string {
    return this.story.contract.datasets[PROVIDERS.indexOf(provider)].dataKeyId;
  }

  hostData(): readonly Bytes[] {
    return this.story.imported('code.certify').hostData;
  }

  /** A provider’s key on its way into the KMS that has this wrap key. */
  signed(kmsKey: Bytes, provider: Provider, change: object = {}): Promise<Bytes> {
    const { did, keys } = this.story.member(provider);
    return request({
      ...{ log: this.client.trust.origin, owner: did, key: keys[0], kms: this.story.member('kms').did },
      ...{ kmsKey, config: file(config(this.dataKeyId(provider), this.hostData())) },
      dataKey: dataKeyOf(provider),
      ...change,
    });
  }

  /** The room asks for the key of a provider’s dataset. */
  asked(n: number, provider: Provider): Step {
    const { contract } = this.story;
    const { id, version, dataKeyId } = contract.datasets[PROVIDERS.indexOf(provider)];
    const body = { id: this.urn(n), subject: id, version, contract: contract.id, dataKeyId };
    return this.story.step(`key.request ${n}`, this.story.asRoom(), 'key.request', body);
  }

  /** What a KMS answers to who asks for a release. */
  async ask(url: string, n: number, dispatcher?: Dispatcher): Promise<Answer> {
    const { statusCode, body } = await send(`${url}/v1/releases`, {
      ...(dispatcher && { dispatcher }),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ release: this.urn(n) }),
    });
    const { code, wrapped } = (await body.json()) as { code?: string; wrapped?: string };
    return { status: statusCode, ...(code && { code }), ...(wrapped && { wrapped }) };
  }

  /** What the room makes of an answer. */
  unwrap(n: number, provider: Provider, wrapped: string): Promise<Bytes> {
    const purpose: WrapPurpose = {
      ...({ log: this.client.trust.origin, use: 'data', release: this.urn(n) } as const),
      ...{ recipient: this.story.roomId(), keyId: this.dataKeyId(provider) },
    };
    return unwrapKey(crypto, this.room, purpose, fromBase64url(wrapped));
  }

  async stateOf(n: number): Promise<string> {
    const { values } = await this.client.facts([RELEASE.key(this.urn(n))]);
    return RELEASE.decode(values[0]!).state;
  }
}
