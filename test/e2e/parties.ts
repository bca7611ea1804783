/**
 * Those who take part in a served log: its SRO, whose key a log for development keeps beside its own, and members
 * who register over the network. Statements are made with the world of the chain's tests, under the log's origin.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Role } from '../../src/chain/state.ts';
import type { Ref } from '../../src/chain/statement.ts';
import { type Bytes, fromBase64url } from '../../src/core/bytes.ts';
import type { SignatureAlgorithm } from '../../src/core/crypto.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { DEVELOPMENT_SRO, developmentSro } from '../../src/server/index.ts';
import { type Member, World } from '../chain/world.ts';
import type { ServedLog } from './served-log.ts';

export class Parties {
  readonly log: ServedLog;
  /** Signs for this log, at the time of this machine. It holds no state: that is the log's. */
  readonly world: World;
  readonly sro: Member;

  constructor(log: ServedLog) {
    this.log = log;
    this.world = World.empty(nodeCrypto, log.origin);
    this.world.time = Date.now();
    this.sro = { did: DEVELOPMENT_SRO, keys: [developmentSro(nodeCrypto, join(log.dataDir, 'keys'))] };
  }

  /** A member who has asked to take part. */
  async ask(name: string, roles: readonly Role[] = ['TDC'], algorithm: SignatureAlgorithm = 'ES256') {
    const member = this.world.member(name, algorithm);
    const request = await this.register(
      this.world.sign(member, 'participant.register', this.world.registration(member, roles)),
    );
    return { member, request };
  }

  /** A member whom the SRO has let in. */
  async join(
    name: string,
    roles: readonly Role[] = ['TDC'],
    algorithm?: SignatureAlgorithm,
  ): Promise<Member> {
    const { member, request } = await this.ask(name, roles, algorithm);
    const body = { did: member.did, decision: 'verified', roles, evidence: nodeCrypto.randomBytes(32) };
    await this.register(this.world.sign(this.sro, 'participant.verify', body, { refs: [request] }));
    return member;
  }

  /** Registers a statement that has to be accepted. The answer fits a later statement's refs. */
  async register(statement: Bytes): Promise<Ref> {
    const [ref] = await this.registerAll([statement]);
    return ref!;
  }

  /** The same for many in one request. */
  async registerAll(statements: readonly Bytes[]): Promise<Ref[]> {
    const answer = await fetch(`${this.log.http}/v1/statements`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ statements: statements.map((bytes) => Buffer.from(bytes).toString('base64')) }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    type Result = { registration?: { index: number; entryId: string } };
    return (JSON.parse(text) as { results: Result[] }).results.map(({ registration }) => {
      assert.ok(registration, text);
      return { rel: 'after', index: registration.index, entry: fromBase64url(registration.entryId) };
    });
  }
}
