/** Who sends a request, and the door it passes: client certificate where one is required, then the rate limit. */
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';
import type { Caller } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { subjectName } from '../service/surface.ts';
import { signalOf } from './deadline.ts';

/** Of a client certificate that the server trusts, and of nothing else: rights may rest on it. */
export function subjectOf(request: FastifyRequest): string | undefined {
  const socket = request.raw.socket as Partial<TLSSocket>;
  const subject = socket.authorized ? socket.getPeerCertificate?.().subject : undefined;
  return subject && subjectName(subject);
}

/** The certificate's subject, else the network address (the one that a trusted proxy names). */
export function clientOf(request: FastifyRequest): string {
  return subjectOf(request) ?? request.ip;
}

export function callerOf(request: FastifyRequest): Caller {
  return new RequestCaller(request);
}

/** A class: of an object written out with a getter in it the engine makes a new shape each time, and keeps it in its old generation. */
class RequestCaller implements Caller {
  readonly client: string;
  readonly #request: FastifyRequest;

  constructor(request: FastifyRequest) {
    this.client = clientOf(request);
    this.#request = request;
  }

  get signal(): AbortSignal {
    return signalOf(this.#request);
  }
}

export function admission(app: FastifyInstance, limits: Limits, clientCertificates: boolean): void {
  app.addHook('onRequest', (request, _reply, done) => {
    // The handshake lets everybody in, so that the refusal can say why; nothing is read before this.
    if (clientCertificates && !(request.raw.socket as Partial<TLSSocket>).authorized) {
      return done(fail('UNAUTHENTICATED', 'a client certificate that this server trusts is needed'));
    }
    const admitted = limits.admitRequest(clientOf(request));
    if (admitted) admitted.then(() => done(), done);
    else done();
  });
}
