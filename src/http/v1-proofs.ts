/** JSON API: proofs of inclusion and consistency. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { hashesOf } from '../merkle/index.ts';
import type { Ledger } from '../service/ledger.ts';
import { base64, base64List, entryOf, headJson, numberOf } from './v1-json.ts';
import { answers, NO_STORE, PROOF, type TypeBox } from './v1-route.ts';
import * as schemas from './v1-schemas.ts';

export function proofs(instance: FastifyInstance, ledger: Ledger): void {
  const app = instance.withTypeProvider<TypeBox>();
  const tags = ['proofs'];

  const inclusion = async (entry: string, size?: string) => {
    const proof = await ledger.inclusion(entryOf(entry), size === undefined ? size : numberOf(size, 'size'));
    const { index, leafHash, path } = proof;
    return {
      index,
      leafHash: base64(leafHash),
      path: base64List(hashesOf(path)),
      head: headJson(proof.head),
    };
  };
  const Of = { entry: schemas.EntryName };
  const At = { ...Of, size: schemas.Decimal('Tree size that was published.') };
  app.get(
    '/inclusion/:entry',
    {
      schema: {
        tags,
        summary: 'Inclusion in the newest tree',
        params: Type.Object(Of),
        response: answers(schemas.Inclusion),
      },
    },
    async ({ params }, reply) => {
      reply.header('cache-control', NO_STORE);
      return inclusion(params.entry);
    },
  );
  app.get(
    '/inclusion/:entry/:size',
    {
      schema: {
        tags,
        summary: 'Inclusion in the tree of a size',
        params: Type.Object(At),
        response: answers(schemas.Inclusion),
      },
    },
    async ({ params }, reply) => {
      const proof = await inclusion(params.entry, params.size);
      reply.header('cache-control', PROOF);
      return proof;
    },
  );

  const consistency = async (from: string, to?: string) => {
    const proof = await ledger.consistency(
      numberOf(from, 'from'),
      to === undefined ? to : numberOf(to, 'to'),
    );
    const { path, receipt } = proof;
    return {
      from: proof.from,
      path: base64List(path),
      head: headJson(proof.head),
      receipt: receipt && base64(receipt),
    };
  };
  const From = { from: schemas.Decimal('Size of the older tree, at least 1.') };
  const To = { ...From, to: schemas.Decimal('Size of the newer tree.') };
  app.get(
    '/consistency/:from',
    {
      schema: {
        tags,
        summary: 'Consistency with the newest tree',
        params: Type.Object(From),
        response: answers(schemas.Consistency),
      },
    },
    async ({ params }, reply) => {
      reply.header('cache-control', NO_STORE);
      return consistency(params.from);
    },
  );
  app.get(
    '/consistency/:from/:to',
    {
      schema: {
        tags,
        summary: 'Consistency of two trees',
        params: Type.Object(To),
        response: answers(schemas.Consistency),
      },
    },
    async ({ params }, reply) => {
      const proof = await consistency(params.from, params.to);
      reply.header('cache-control', PROOF);
      return proof;
    },
  );
}
