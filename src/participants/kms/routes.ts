/** The service's HTTP interface: keys come in sealed and signed, and go out wrapped. Its refusals are those of a guard. */
import type { FastifyInstance } from 'fastify';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import { bytesOfText, type ServiceHttpOptions } from '../service-http.ts';
import { MAX_IMPORT } from './import-request.ts';

/** What is behind the interface. */
interface KeyService {
  /** COSE_Key that owners seal data keys to. */
  readonly wrapKey: Bytes;
  take(request: Bytes): Promise<{ readonly dataKeyId: string }>;
  release(id: string): Promise<Bytes>;
}

/** An import in base64url within JSON; and a silence longer than a release may wait for the others of its pipeline. */
export const HTTP_BOUNDS = { bodyBytes: 2 * MAX_IMPORT, connections: 1024, idleMs: 120_000 } as const;

export const STATUSES: NonNullable<ServiceHttpOptions['statuses']> = {
  // The ledger denies it; or it could not prove what it said.
  classes: { refused: 403, proof: 502 },
  // How much the ledger takes of this service is nothing that its own clients have exceeded.
  codes: { WRAPPED_KEY_INVALID: 400, SIGNATURE_INVALID: 403, ID_TAKEN: 409, RATE_LIMITED: 503 },
};

const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const body = (name: string, value: object) => ({
  body: { type: 'object', required: [name], additionalProperties: false, properties: { [name]: value } },
});

export function keyRoutes(app: FastifyInstance, service: KeyService): void {
  app.get('/v1/wrap-key', async () => ({ wrapKey: toBase64url(service.wrapKey) }));

  app.post<{ Body: { request: string } }>(
    '/v1/keys',
    { schema: body('request', text(2 * MAX_IMPORT)) },
    async (request) => {
      const signed = bytesOfText(request.body.request, 'the request', 'REQUEST_MALFORMED');
      const { dataKeyId } = await service.take(signed);
      return { dataKeyId };
    },
  );

  app.post<{ Body: { release: string } }>(
    '/v1/releases',
    { schema: body('release', text(512)) },
    async (request, reply) => {
      const { release } = request.body;
      const wrapped = await service.release(release);
      reply.header('cache-control', 'no-store');
      return { release, wrapped: toBase64url(wrapped) };
    },
  );
}
