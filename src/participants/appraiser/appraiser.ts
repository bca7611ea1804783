/**
 * The appraiser of one verifier. A pass reads what the log has new, and appraises what is due: evidence that was listed, and
 * all of it again when the SRO publishes other anchors or another policy (a TCB recovery). Only what was appraised is signed:
 * evidence that cannot be had is asked for again, and never affirmed.
 */
import { type Appraisal, Appraiser, type Expected } from '../../attestation/index.ts';
import {
  ANCHORS,
  type AnchorsRecord,
  APPRAISAL_POLICY,
  CLEANROOM,
  CODE,
  CONTRACT,
  type CodeRecord,
  describeReason,
  EVIDENCE,
  EVIDENCE_ID,
  type EvidenceRecord,
  KEY,
  parseStatement,
  resultFault,
  roomStateAt,
  type Statement,
  type StateReader,
  signStatement,
  wasAffirmed,
} from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import type { Crypto, PrivateKey } from '../../core/crypto.ts';
import { isLedgerError, type LedgerError } from '../../core/errors.ts';
import { Docket, type Item } from './docket.ts';
import type { DocketFile } from './docket-file.ts';
import { type Expectation, expectationOf, type Subject } from './expectation.ts';
import { type Finding, findingOf } from './finding.ts';
import { Founder } from './founder.ts';
import { know } from './known.ts';
import { Published } from './published.ts';
import { Retries } from './retries.ts';

export interface AppraiserOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  /** Where evidence is had from, by digest. Bytes of another digest are an error there. */
  readonly evidence: { get(digest: Bytes, signal: AbortSignal): Promise<Bytes> };
  /** Who appraises, and the key that it signs with. */
  readonly verifier: { readonly did: string; readonly key: PrivateKey };
  /** Where to go on after a restart. */
  readonly file?: DocketFile;
  /** Told about each piece of evidence that was looked at. */
  readonly observe?: (outcome: Outcome) => void;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
}

/** What came of one look at one piece of evidence, by one appraisal policy. */
export interface Outcome {
  readonly cleanroom: string;
  /** SHA-256 of the evidence, base64url. */
  readonly evidence: string;
  /** URN of the appraisal policy; null if it did not come to that. */
  readonly policy: string | null;
  /** What was logged; or `unavailable`: asked for again later; `passed over`: nothing was logged, and `code` says why. */
  readonly result: Finding['result'] | 'unavailable' | 'passed over';
  readonly code: string | null;
  readonly detail: string | null;
  /** Index of the `cleanroom.appraise`. */
  readonly entry: number | null;
  /** Whether this is a log for development: what is affirmed there binds nobody. */
  readonly simulated: boolean;
}

/** Entries after which the docket is written, while a long log is read. */
const KEEP_EVERY = 8192;
/** Milliseconds before a log that is away is asked again. */
const AWAY = 2000;
/** The same before what is published is looked for again: it is answered once it is witnessed, and nothing says when. */
const BEHIND = 500;
const NOTHING = new Uint8Array(32);

type Verdict = Pick<Outcome, 'policy' | 'result' | 'code' | 'detail' | 'entry'>;

interface Law {
  readonly published: Published;
  readonly simulated: boolean;
}

/** A policy by which an item has to be judged, now. */
interface Due {
  readonly id: string;
  readonly version: number;
  readonly digest: Bytes;
  readonly entry: number;
}

/** Everything about an item that the log says. */
interface Case {
  readonly subject: Subject;
  readonly code: Pick<CodeRecord, 'hostData' | 'launch'>;
  readonly anchors: AnchorsRecord & { readonly id: string };
  readonly due: readonly Due[];
}

export class AppraiserService {
  readonly #options: AppraiserOptions;
  readonly #retries: Retries;
  readonly #now: () => number;
  #docket: Docket | undefined;
  /** What the log is, and what its SRO published: read once the log can be asked. */
  #law: Law | undefined;

  constructor(options: AppraiserOptions) {
    const { now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#retries = new Retries(now);
  }

  /** Until the signal aborts. @throws FORK, STALE: nothing that such a log says is worth appraising by */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        await wait(AWAY, signal);
      }
    }
  }

  /** Everything that is due, once: evidence that could not be had before is asked for again at once. */
  async once(signal: AbortSignal = new AbortController().signal): Promise<readonly Outcome[]> {
    this.#retries.forget();
    return this.#pass(signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const heads = this.#options.client.follow({ signal });
    let next = heads.next();
    let published = 0;
    try {
      for (;;) {
        await this.#pass(signal);
        const behind = (this.#docket?.next ?? 0) < published;
        const retry = behind ? Math.min(BEHIND, this.#retries.next ?? BEHIND) : this.#retries.next;
        const head = await (retry === undefined ? next : sooner(next, retry, signal));
        if (signal.aborted) return;
        if (!head) continue;
        if (head.done) return;
        published = head.value.size;
        next = heads.next();
      }
    } finally {
      next.catch(() => undefined);
      void heads.return().catch(() => undefined);
    }
  }

  async #pass(signal: AbortSignal): Promise<readonly Outcome[]> {
    const { file } = this.#options;
    const { simulated } = await this.#laid(signal);
    const docket = await this.#read(signal);
    const outcomes: Outcome[] = [];
    for (const item of docket.pending) {
      if (!this.#retries.isTime(item)) continue;
      signal.throwIfAborted();
      for (const verdict of await this.#settle(docket, item, signal)) {
        const { cleanroom, digest } = item;
        const evidence = toBase64url(digest);
        const outcome = { cleanroom, evidence, ...verdict, simulated };
        outcomes.push(outcome);
        this.#options.observe?.(outcome);
      }
    }
    await file?.write(docket);
    return outcomes;
  }

  // --- reading ----------------------------------------------------------------------------------------------------------

  async #laid(signal: AbortSignal): Promise<Law> {
    const { crypto, client } = this.#options;
    if (!this.#law) {
      const founder = await Founder.of(crypto, client, signal);
      this.#law = { published: new Published(crypto, client, founder), simulated: founder.simulated };
    }
    return this.#law;
  }

  async #read(signal: AbortSignal): Promise<Docket> {
    const { client, crypto, file, verifier } = this.#options;
    const docket = this.#docket ?? (await file?.read(verifier.did)) ?? new Docket(verifier.did);
    this.#docket = docket;
    for await (const { index, statement } of client.entries(docket.next, undefined, { signal })) {
      docket.read(index, statement && chainStatement(crypto, statement));
      if (docket.next % KEEP_EVERY === 0) await file?.write(docket);
    }
    return docket;
  }

  /** What the log says of an item; a reason if there is nothing to be done about it, now or ever. */
  async #case(
    docket: Docket,
    item: Item,
    signal: AbortSignal,
  ): Promise<Case | 'ended' | LedgerError['code']> {
    const { client, verifier } = this.#options;
    const { cleanroom: id, digest } = item;
    const first = await know(client, [CLEANROOM.key(id), EVIDENCE.key(id, digest)], signal);
    const room = CLEANROOM.read(first.read, id);
    const evidence = EVIDENCE.read(first.read, id, digest);
    if (!room || !evidence || room.deployer === verifier.did) return 'ended';
    if (['TERMINATED', 'ABORTED', 'FAILED'].includes(roomStateAt(room, first.time))) return 'ended';

    const { read } = await know(
      client,
      [
        ...room.contracts.map((contract) => CONTRACT.key(contract)),
        ...[CODE.key(room.code), ...docket.anchors.map((each) => ANCHORS.key(each))],
      ],
      signal,
    );
    const own = room.contracts.flatMap((contract) => CONTRACT.read(read, contract) ?? []);
    const policies = own
      .filter(({ verifiers }) => verifiers.includes(verifier.did))
      .map(({ appraisalPolicy }) => appraisalPolicy);
    if (policies.length === 0) return 'ended';
    if (evidence.tee === 'simulated' && !(await this.#laid(signal)).simulated) return 'SIMULATOR_NOT_ALLOWED';
    const anchors = docket.anchors
      .flatMap((each) => ({ id: each, ...ANCHORS.read(read, each)! }))
      .filter(({ tee }) => tee === evidence.tee)
      // Several may be published for one type of TEE: the SRO’s last word counts.
      .sort((a, b) => b.entry - a.entry)[0];
    if (!anchors) return 'ANCHORS_NOT_CURRENT';

    const unique = [...new Set(policies)];
    const said = evidence.results.filter((result) => result.verifier === verifier.did);
    const current = await this.#current(unique, said, signal);
    const judged = said.filter(
      (result) => result.anchors.id === anchors.id && resultFault(current, result) === undefined,
    );
    const due = unique.flatMap((each): Due[] => {
      const version = APPRAISAL_POLICY.read(current, each);
      return version && !judged.some(({ policy }) => policy === each) ? [{ id: each, ...version }] : [];
    });
    const subject = { id, room, evidence };
    return { subject, anchors, due, code: CODE.read(read, room.code) ?? { hostData: [] } };
  }

  /** What says which policies are current, and whether what this verifier has said counts. */
  async #current(
    policies: readonly string[],
    said: EvidenceRecord['results'],
    signal: AbortSignal,
  ): Promise<StateReader> {
    const { client } = this.#options;
    const keys = [
      ...policies.map((each) => APPRAISAL_POLICY.key(each)),
      ...said.flatMap(({ policy, anchors, kid }) => [
        ...[APPRAISAL_POLICY.key(policy), ANCHORS.key(anchors.id), KEY.key(kid)],
      ]),
    ];
    const { read } = await know(client, keys, signal);
    // Of a key that was recovered, the one that vouched for it is looked at as well.
    const vouchers = said.flatMap(({ kid }) => KEY.read(read, kid)?.addedBy ?? []);
    if (vouchers.length === 0) return read;
    return (await know(client, [...keys, ...vouchers.map((kid) => KEY.key(kid))], signal)).read;
  }

  // --- appraising -------------------------------------------------------------------------------------------------------

  /** What came of an item. What passes is tried again; what does not is settled. */
  async #settle(docket: Docket, item: Item, signal: AbortSignal): Promise<readonly Verdict[]> {
    const verdicts: Verdict[] = [];
    try {
      const found = await this.#case(docket, item, signal);
      if (found === 'ended') {
        docket.drop(item);
        return [];
      }
      if (typeof found === 'string') verdicts.push(passedOver(null, found));
      else {
        for (const policy of found.due) verdicts.push(await this.#appraise(item, found, policy, signal));
      }
      docket.settle(item);
      this.#retries.done(item);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!isLedgerError(error) || isAlarming(error)) throw error;
      this.#retries.failed(item);
      const { code, message: detail } = error;
      verdicts.push({ ...passedOver(null, code), result: 'unavailable', detail });
    }
    return verdicts;
  }

  async #appraise(item: Item, found: Case, policy: Due, signal: AbortSignal): Promise<Verdict> {
    const { evidence, crypto, client } = this.#options;
    const { subject, anchors: version, code } = found;
    // Only a second at a time is signed for: who appraises again takes the statement’s time, and gets the same.
    const issuedAt = Math.floor(this.#now() / 1000);
    const bytes = await evidence.get(item.digest, signal);
    const { published } = await this.#laid(signal);
    const anchors = await published.anchors(version, signal);
    const document = await published.policy(policy, signal);
    const expectation = await expectationOf(crypto, client, subject, bytes, signal);
    const appraiser = new Appraiser(crypto, anchors);
    const judge = (expected: Expected) =>
      appraiser.appraise({ tee: subject.evidence.tee, bytes }, {}, document, expected, issuedAt * 1000);
    const first = judge(expectation.expected);
    const seen = await this.#seenElsewhere(first, subject.id, signal);
    const appraisal = seen ? judge({ ...expectation.expected, seen: [seen] }) : first;
    const finding = findingOf(appraisal, code);
    const needless = wasTrusted(subject) && this.#needless(finding, subject, policy);
    if (needless) return { ...passedOver(policy.id, finding.code), detail: needless };
    const entry = await this.#log(item, { found, policy, expectation, appraisal, finding, issuedAt }, signal);
    return { policy: policy.id, result: finding.result, code: finding.code, detail: null, entry };
  }

  /**
   * Why this is not said of a room that somebody relies on. There a contraindicated result blocks for good, and that is for
   * what is wrong with a machine and was not known.
   */
  #needless({ result, checks }: Finding, { evidence }: Subject, policy: Due): string | undefined {
    if (result !== 'contraindicated') return undefined;
    const failed = checks.filter(({ passed }) => !passed);
    // How old an appraisal may be is for the gates.
    if (failed.length === 1 && failed[0]!.name === 'freshness.head') return 'age alone takes nothing back';
    const { did } = this.#options.verifier;
    const before = evidence.results.find((each) => each.verifier === did && each.policy === policy.id);
    return before?.result === result ? 'it is said already' : undefined;
  }

  /** The evidence id, if it stands for another room. */
  async #seenElsewhere(
    { evidenceId }: Appraisal,
    cleanroom: string,
    signal: AbortSignal,
  ): Promise<Bytes | undefined> {
    if (!evidenceId) return undefined;
    const { read } = await know(this.#options.client, [EVIDENCE_ID.key(evidenceId)], signal);
    const holder = EVIDENCE_ID.read(read, evidenceId);
    return holder && holder.cleanroom !== cleanroom ? evidenceId : undefined;
  }

  async #log(
    item: Item,
    made: {
      readonly found: Case;
      readonly policy: Due;
      readonly expectation: Expectation;
      readonly appraisal: Appraisal;
      readonly finding: Finding;
      readonly issuedAt: number;
    },
    signal: AbortSignal,
  ): Promise<number> {
    const { crypto, client, verifier } = this.#options;
    const { found, policy, expectation, appraisal, finding, issuedAt } = made;
    const { anchors } = found;
    const published = ({ id, version, digest }: Omit<Due, 'entry'>) => ({ id, version, digest });
    const body = {
      ...{ id: item.cleanroom, evidence: item.digest },
      // What is no report has neither.
      evidenceId: appraisal.evidenceId ?? NOTHING,
      ...{ policy: published(policy), anchors: published(anchors) },
      head: expectation.head,
      hostData: appraisal.hostData ?? NOTHING,
      ...{ result: finding.result, checks: finding.checks },
    };
    const statement = signStatement(crypto, verifier.key, {
      ...{ log: client.trust.origin, kind: 'cleanroom.appraise', issuer: verifier.did },
      ...{ subject: item.cleanroom, issuedAt, body },
    });
    return (await client.register(statement, { signal })).index;
  }
}

/** By this evidence or by other. */
function wasTrusted({ room, evidence }: Subject): boolean {
  return room.attestedHead !== undefined || wasAffirmed(evidence);
}

function passedOver(policy: string | null, code: string | null): Verdict {
  return { policy, result: 'passed over', code, detail: null, entry: null };
}

/** What is not read here changes nothing here: foreign statements, and kinds of a later version. */
function chainStatement(crypto: Crypto, statement: Bytes): Statement | null {
  try {
    return parseStatement(crypto, statement);
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return null;
  }
}

function isPassing(error: unknown): boolean {
  return isLedgerError(error) && describeReason(error.code)?.class === 'unavailable';
}

/** The log contradicts itself, or this software does: not a matter of one piece of evidence. */
function isAlarming({ code }: LedgerError): boolean {
  return code === 'FORK' || code === 'INTERNAL';
}

/** Undefined: the time came first. Nothing of the wait is left behind. */
async function sooner<T>(
  next: Promise<T>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([next, wait(milliseconds, AbortSignal.any([signal, over.signal]))]);
  } finally {
    over.abort();
  }
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<undefined> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
  return undefined;
}
