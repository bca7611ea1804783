/**
 * Schemas become code when the first request needs them, once for all servers of a process. Compiled before a server
 * starts, as fastify does, those of all routes are the largest part of its start, and most are not used for long.
 */
import Fastify, { type FastifyInstance } from 'fastify';

interface Compilers {
  readonly validator: NonNullable<FastifyInstance['validatorCompiler']>;
  readonly serializer: NonNullable<FastifyInstance['serializerCompiler']>;
}
type Schema = Parameters<Compilers['validator']>[0]['schema'];
type Validate = ReturnType<Compilers['validator']>;
type Serialize = ReturnType<Compilers['serializer']>;

// What does not match a schema exactly is refused: nothing is dropped, filled in or converted.
const EXACT = { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: false } };

/** Before the routes. */
export function compileOnUse(app: FastifyInstance): void {
  let compilers: Compilers;
  app.addHook('onReady', async () => {
    made ??= defaultCompilers();
    compilers = await made;
  });
  app.setValidatorCompiler((route) => {
    const validate: Validate = (data) => {
      const compiled = remembered(validators, route.schema, () => compilers.validator(route));
      const result = compiled(data);
      validate.errors = compiled.errors ?? null; // where fastify looks for them
      return result;
    };
    return validate;
  });
  app.setSerializerCompiler((route) => (data) => {
    const compiled = remembered(serializers, route.schema, () => compilers.serializer(route));
    return compiled(data);
  });
}

const validators = new WeakMap<Schema, Validate>();
const serializers = new WeakMap<Schema, Serialize>();

function remembered<T>(known: WeakMap<Schema, T>, schema: Schema, compile: () => T): T {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const compiled = compile();
  known.set(schema, compiled);
  return compiled;
}

let made: Promise<Compilers> | undefined;

/** Those that fastify gives to a server that has none of its own. */
async function defaultCompilers(): Promise<Compilers> {
  const app = Fastify({ ajv: EXACT });
  const any = { type: 'object' };
  app.post('/', { schema: { body: any, response: { 200: any } } }, async () => ({}));
  await app.ready();
  return { validator: app.validatorCompiler!, serializer: app.serializerCompiler! };
}
