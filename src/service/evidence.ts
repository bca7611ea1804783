/**
 * Raw evidence beside the log. The log has its digest; the bytes identify machines, so only auditors and appraisers whom
 * the operator names may read them. Whoever has bytes that a logged `cleanroom.attest` names may store them: they cannot
 * be other bytes.
 */
import { EVIDENCE, isUrn } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { EvidenceFiles } from '../evidence/index.ts';
import type { TransparencyLog } from '../log/index.ts';
import type { Credentials, EvidenceAccess } from './evidence-access.ts';

/** For the operator’s records: who has seen what. */
export interface EvidenceEvent {
  readonly what: 'stored' | 'read' | 'denied';
  /** 32 bytes. */
  readonly digest: Bytes;
  /** Client certificate or address. */
  readonly client: string;
}

export interface EvidenceServiceOptions {
  readonly log: Pick<TransparencyLog, 'snapshot' | 'status'>;
  readonly files: EvidenceFiles;
  readonly access: EvidenceAccess;
  readonly observe?: (event: EvidenceEvent) => void;
}

export interface EvidenceRequest {
  /** SHA-256 of the evidence, 32 bytes. */
  readonly digest: Bytes;
  readonly credentials: Credentials;
  /** Client certificate or address. */
  readonly client: string;
}

export class EvidenceService {
  readonly #options: EvidenceServiceOptions;

  constructor(options: EvidenceServiceOptions) {
    this.#options = options;
  }

  /** Bytes of one piece. */
  get maxBytes(): number {
    return this.#options.files.limits.maxBytes;
  }

  /**
   * Asked before a byte of the body is read. @param cleanroom whose `cleanroom.attest` names the digest, if one does
   * @throws EVIDENCE_ACCESS_DENIED, EVIDENCE_NOT_LISTED; what the log is not accepting for
   */
  admit({ digest, credentials, client }: EvidenceRequest, cleanroom: string | undefined): void {
    const { access, log } = this.#options;
    const { accepting, reason } = log.status;
    if (!accepting) throw fail('LOG_READ_ONLY', `nothing is stored now: ${reason}`);
    if (access.allows('write', credentials) || this.#isListed(cleanroom, digest)) return;
    this.#observe('denied', digest, client);
    throw cleanroom === undefined
      ? fail('EVIDENCE_ACCESS_DENIED', 'name the clean room whose logged evidence this is, or show a right')
      : fail('EVIDENCE_NOT_LISTED', 'no cleanroom.attest of this clean room names the digest');
  }

  /** Durable when it resolves. @returns false if it was there before. @throws as {@link EvidenceFiles.put} */
  async put({ digest, client }: EvidenceRequest, bytes: Bytes): Promise<boolean> {
    const fresh = await this.#options.files.put(digest, bytes);
    if (fresh) this.#observe('stored', digest, client);
    return fresh;
  }

  /** @throws EVIDENCE_ACCESS_DENIED whether it is there or not; EVIDENCE_NOT_FOUND, EVIDENCE_CORRUPT */
  async get({ digest, credentials, client }: EvidenceRequest): Promise<Bytes> {
    const { access, files } = this.#options;
    if (!access.allows('read', credentials)) {
      this.#observe('denied', digest, client);
      throw fail('EVIDENCE_ACCESS_DENIED', 'evidence is for auditors and appraisers whom the operator names');
    }
    const bytes = await files.get(digest);
    this.#observe('read', digest, client);
    return bytes;
  }

  #isListed(cleanroom: string | undefined, digest: Bytes): boolean {
    if (cleanroom === undefined || !isUrn(cleanroom, 'cleanroom')) return false;
    return this.#options.log.snapshot.state.get(EVIDENCE.key(cleanroom, digest)) !== undefined;
  }

  #observe(what: EvidenceEvent['what'], digest: Bytes, client: string): void {
    this.#options.observe?.({ what, digest, client });
  }
}
