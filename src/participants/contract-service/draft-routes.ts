/** DEPA-Training's files over HTTP: drafted for the parties to sign, or with the signatures that they have already. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Bytes, toBase64url, utf8 } from '../../core/bytes.ts';
import type { SourceFile, Sources } from '../../depa/index.ts';
import { bytesOfText } from '../service-http.ts';
import { type Drafted, DraftRefused, type Drafts } from './drafts.ts';
import { bringMultiSigned } from './multi-signed.ts';
import type { Registry } from './registry.ts';
import { object, text } from './request-schema.ts';

const FILE = text(512 << 10);
const BESIDE = { overlay: FILE, pipeline: FILE, dataset: FILE, scenario: FILE, policy: FILE };
const DRAFT = object({ contract: FILE, ...BESIDE, salt: text(43) }, ['contract']);
/** base64url of 512 KiB at most. */
const IMPORT = object({ multiSigned: text(700_000), ...BESIDE }, ['multiSigned']);

type Beside = Partial<Record<keyof typeof BESIDE, string>>;
type Draft = Beside & { readonly contract: string; readonly salt?: string };
type Import = Beside & { readonly multiSigned: string };

export function draftRoutes(app: FastifyInstance, parts: { drafts: Drafts; registry: Registry }): void {
  app.post<{ Body: Draft }>('/v1/contracts', { schema: { body: DRAFT } }, async ({ body }, reply) => {
    const { salt, contract, ...others } = body;
    const sources = { ...filesOf(others), contract: fileOf('contract', contract) };
    return named(reply, () => {
      const draft = parts.drafts.make(
        sources,
        salt === undefined ? undefined : bytesOfText(salt, 'the salt'),
      );
      return reply.code(201).send(draftJson(draft));
    });
  });
  app.post<{ Body: Import }>(
    '/v1/contracts/import',
    { schema: { body: IMPORT } },
    async ({ body }, reply) => {
      const { multiSigned, ...others } = body;
      const file: Bytes = bytesOfText(multiSigned, 'the multi-signed contract');
      return named(reply, async () => {
        const { drafted, entry, signers } = await bringMultiSigned(parts, file, filesOf(others));
        return reply.code(201).send({ ...draftJson(drafted), entry, signers });
      });
    },
  );
}

function filesOf(texts: Beside): Omit<Sources, 'contract'> {
  return Object.fromEntries(Object.entries(texts).map(([name, content]) => [name, fileOf(name, content)]));
}

function fileOf(name: string, content: string): SourceFile {
  return { name, bytes: utf8(content) };
}

function draftJson({ contract, draft, digest, bodies, salt }: Drafted) {
  return { id: contract, draft, text: toBase64url(digest), bodies, salt: toBase64url(salt) };
}

/** With all problems of the files at once, so that who brought them need not ask again for each. */
async function named<T>(reply: FastifyReply, answer: () => T | Promise<T>) {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof DraftRefused)) throw error;
    const { code, message: detail, problems } = error;
    const problem = {
      ...{ type: 'about:blank', title: 'Unprocessable Entity', status: 422, code, detail, problems },
    };
    reply.code(422).header('aichain-code', code).type('application/problem+json');
    return reply.send(JSON.stringify(problem));
  }
}
