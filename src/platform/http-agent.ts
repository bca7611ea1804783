/** Connections to servers over HTTP, with the certificate of who asks. */
import { Agent } from 'undici';

/** PEM texts: whom to trust, and for mTLS who we are. */
export interface ClientTls {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

export interface AgentOptions {
  readonly tls?: ClientTls;
  readonly connections?: number;
  /** Milliseconds after which an answer that does not go on is given up (300,000). */
  readonly silence?: number;
}

export function agentOf({ tls: { ca, cert, key } = {}, connections, silence }: AgentOptions = {}): Agent {
  const pem = (text: string | Uint8Array) => Buffer.from(text);
  return new Agent({
    ...(connections !== undefined && { connections }),
    ...(silence !== undefined && { headersTimeout: silence, bodyTimeout: silence }),
    connect: {
      ...(ca !== undefined && { ca: pem(ca) }),
      ...(cert !== undefined && { cert: pem(cert) }),
      ...(key !== undefined && { key: pem(key) }),
    },
  });
}
