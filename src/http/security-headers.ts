/** The headers that every answer has, whatever it says: helmet's, which are the same each time and so are made once. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import helmet from 'helmet';

/** Of every answer of a log for development: what it says binds nobody. */
const SIMULATED_HEADER = 'aichain-simulated';
const POLICY_HEADER = 'content-security-policy';

type Headers = Readonly<Record<string, string>>;

/** @param simulated a log for development */
export function securityHeaders(options: { readonly tls: boolean; readonly simulated: boolean }): Headers {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet({
    contentSecurityPolicy: {
      // Nothing here is a page but the description of the API, which has a policy of its own.
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    },
    strictTransportSecurity: options.tls,
    // What the log says is public, and may be fetched by a page from anywhere.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  })(request, response, () => undefined);
  const headers = response.getHeaders() as Headers;
  return options.simulated ? { ...headers, [SIMULATED_HEADER]: 'true' } : headers;
}

type StoreHeader = (this: ServerResponse, firstLine: string, headers?: object) => void;

/**
 * Node's own step from a status line and headers to the text of both; undefined in a node that does it in another way. It
 * checks each header and joins it to the others, a dozen times for each answer: a third of what handing out a tile costs.
 */
const { _storeHeader: storeHeader } = ServerResponse.prototype as unknown as { _storeHeader?: StoreHeader };

/**
 * A response that has these headers from the beginning, joined once. One that is set again, by a route that has a policy of
 * its own, is left out here.
 */
export function responseWith(headers: Headers): typeof ServerResponse | undefined {
  if (!storeHeader) return undefined;
  const all = textOf(headers);
  const { [POLICY_HEADER]: _, ...others } = headers;
  const withoutPolicy = textOf(others);
  class Response extends ServerResponse {
    _storeHeader(firstLine: string, own?: object): void {
      const text = own && POLICY_HEADER in own ? withoutPolicy : all;
      storeHeader!.call(this, firstLine + text, own);
    }
  }
  return Response as typeof ServerResponse;
}

/** The plain way to the same headers. Before the routes. */
export function setHeaders(app: FastifyInstance, headers: Headers): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}

function textOf(headers: Headers): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
