/** JSON API: what is asked of each gate, and what it answers. Members are those that the step's gate declares. */
import { type TSchema, Type } from 'typebox';

const bytes = (description: string) => Type.String({ contentEncoding: 'base64', description });
const digest = (of: string) => bytes(`SHA-256 of ${of}, 32 bytes.`);
const kid = (of: string) => bytes(`Thumbprint of ${of}, 32 bytes.`);
const integer = (description: string) => Type.Integer({ minimum: 0, description });
const id = (type: string) => Type.String({ description: `urn:depa:${type}:…` });
const did = (description: string) => Type.String({ description: `${description}: a DID.` });
const closed = <T extends Record<string, TSchema>>(members: T) =>
  Type.Object(members, { additionalProperties: false });

/** By step. */
export const GATE_REQUESTS: Readonly<Record<string, TSchema>> = {
  'dataset.register': closed({
    dataset: id('dataset'),
    version: integer('Version of the dataset.'),
    provider: did('Provider'),
    ciphertext: digest('the encrypted file'),
    kms: did('Key management service'),
    dataKeyId: Type.String(),
  }),
  'contract.activate': closed({
    contract: id('contract'),
    text: digest('the contract’s text'),
    full: Type.Optional(Type.Boolean({ description: 'Bring every signed acceptance along.' })),
  }),
  'cleanroom.deploy': closed({
    cleanroom: id('cleanroom'),
    deployer: did('Deployer'),
    code: id('code'),
    pipeline: bytes('Commitment to the whole pipeline, 32 bytes.'),
  }),
  'key.release': closed({
    release: id('release'),
    kms: did('Who asks'),
    subject: Type.Optional(Type.String({ description: 'The dataset, or the base model.' })),
    version: Type.Optional(integer('Of the dataset; absent for a model.')),
    dataKeyId: Type.String(),
    nonce: bytes('As the asker drew it, 16 to 64 bytes.'),
    wrapKid: kid('the key that the asker would wrap to'),
    full: Type.Optional(
      Type.Boolean({
        description: 'Read again what the ledger decided by: all but who vouched for the evidence.',
      }),
    ),
  }),
  'run.start': closed({
    cleanroom: id('cleanroom'),
    run: id('run'),
    pipeline: bytes('Commitment to the whole pipeline, 32 bytes.'),
    mounts: Type.Array(
      closed({
        dataset: id('dataset'),
        version: integer('Version of the dataset.'),
        ciphertext: digest('the encrypted file as it was found'),
      }),
      { minItems: 1, maxItems: 32 },
    ),
  }),
  'budget.spend': closed({
    run: id('run'),
    epsilon: integer('All that the run will have spent, in units of 1e-6.'),
    delta: integer('In units of 1e-12.'),
  }),
  'model.release': closed({
    model: id('model'),
    run: id('run'),
    ciphertext: digest('what was encrypted to the receiver'),
    to: did('Receiver'),
    wrapKid: kid('the receiver’s key'),
  }),
  'payment.settle': closed({
    contract: id('contract'),
    row: integer('Position in the contract’s payment terms.'),
    cleanroom: id('cleanroom'),
    service: did('Who asks'),
    payee: did('Payee'),
    amount: integer('In minor units.'),
    currency: Type.String({ description: 'ISO 4217.' }),
  }),
};

/** What is asked of a gate, and the size of a tree that the asker holds. */
export const GateQuestion = (request: TSchema) =>
  closed({
    request,
    fromSize: Type.Optional(integer('Size of a tree: the bundle then proves that its own extends it.')),
  });

export const GateAnswer = closed({
  decision: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Reason code of a denial.' }),
  detail: Type.Union([Type.String(), Type.Null()], { description: 'In plain words.' }),
  at: integer('Unix milliseconds that everything was judged at.'),
  bundle: bytes('Proof bundle, CBOR: what has to be verified. The rest is for people.'),
});
