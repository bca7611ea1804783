/**
 * The headers that every answer has, whatever it says: helmet's, which are the same each time and so are made once. Most of them tell a
 * browser how to show a page and what else the page may load: only the page about the API has them, with its files. All else is taken for
 * what it says it is (`nosniff`), runs nothing and is framed by nobody.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';

/** Of every answer of a log for development: what it says binds nobody. */
const SIMULATED_HEADER = 'aichain-simulated';
const POLICY_HEADER = 'content-security-policy';

type Headers = Readonly<Record<string, string>>;

export interface SecurityHeaders {
  /** Of bytes and JSON. */
  readonly answers: Headers;
  /** Of a page, which sets a policy of its own. */
  readonly pages: Headers;
}

/** @param simulated a log for development */
export function securityHeaders(options: {
  readonly tls: boolean;
  readonly simulated: boolean;
}): SecurityHeaders {
  const always = {
    strictTransportSecurity: options.tls,
    // What the log says is public, and may be fetched by a page from anywhere.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  } as const;
  const leftToPages = {
    ...{ crossOriginOpenerPolicy: false, originAgentCluster: false, referrerPolicy: false },
    ...{ xDnsPrefetchControl: false, xDownloadOptions: false, xFrameOptions: false },
    ...{ xPermittedCrossDomainPolicies: false, xXssProtection: false },
  } as const;
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  };
  const simulated: Headers = options.simulated ? { [SIMULATED_HEADER]: 'true' } : {};
  return {
    answers: { ...byHelmet({ ...always, ...leftToPages, contentSecurityPolicy }), ...simulated },
    pages: { ...byHelmet({ ...always, contentSecurityPolicy: false }), ...simulated },
  };
}

function byHelmet(options: HelmetOptions): Headers {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(response.req, response, () => undefined);
  return response.getHeaders() as Headers;
}

type StoreHeader = (this: ServerResponse, firstLine: string, headers?: object) => void;

/**
 * Node's own step from a status line and headers to the text of both; undefined in a node that does it in another way. It
 * checks each header and joins it to the others, a dozen times for each answer: a third of what handing out a tile costs.
 */
const { _storeHeader: storeHeader } = ServerResponse.prototype as unknown as { _storeHeader?: StoreHeader };

/** A response that has these headers from the beginning, joined once: one that sets a policy of its own is a page. */
export function responseWith(headers: SecurityHeaders): typeof ServerResponse | undefined {
  if (!storeHeader) return undefined;
  const [ofAnswers, ofPages] = [textOf(headers.answers), textOf(headers.pages)];
  class Response extends ServerResponse {
    _storeHeader(firstLine: string, own?: object): void {
      const text = own && POLICY_HEADER in own ? ofPages : ofAnswers;
      storeHeader!.call(this, firstLine + text, own);
    }
  }
  return Response as typeof ServerResponse;
}

/** The plain way to the same headers. Before the routes. */
export function setHeaders(app: FastifyInstance, { answers, pages }: SecurityHeaders): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(answers);
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (reply.getHeader(POLICY_HEADER) !== answers[POLICY_HEADER]) reply.headers(pages);
    done();
  });
}

/** As they are sent, each line with its end. */
export function textOf(headers: Headers): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
