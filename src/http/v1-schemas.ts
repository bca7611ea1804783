/**
 * The shapes of the JSON API, declared once: validation of requests, serialization of answers, TypeScript types and
 * the OpenAPI document all come from here. Identifiers are base64url without padding, all other bytes are base64
 * with padding; numbers are exact integers below 2^53.
 */
import { type Static, type TSchema, Type } from 'typebox';

const base64 = (description: string) => Type.String({ contentEncoding: 'base64', description });
const integer = (description: string) => Type.Integer({ minimum: 0, description });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const object = <T extends Record<string, TSchema>>(members: T, description?: string) =>
  Type.Object(members, { additionalProperties: false, ...(description ? { description } : {}) });

/** A decimal without sign or leading zeros; small enough to be exact is checked when it is read. */
export const Decimal = (description: string) =>
  Type.String({ pattern: '^(?:0|[1-9][0-9]{0,15})$', description });
export const EntryName = Type.String({
  pattern: '^(?:0|[1-9][0-9]{0,15}|[A-Za-z0-9_-]{43})$',
  description: 'Index, or entry id (32 bytes in base64url, 43 characters).',
});

const EntryId = Type.String({ description: 'SHA-256 of the canonical statement, base64url.' });
const Path = Type.Array(base64('32 bytes'), { description: 'RFC 9162 path, leaf to root.' });

export const Head = object(
  {
    size: integer('Number of leaves.'),
    root: base64('Root hash, 32 bytes.'),
    time: integer('Unix milliseconds of the last state entry.'),
    checkpoint: Type.String({ description: 'Signed note, C2SP tlog-checkpoint.' }),
  },
  'A published tree head.',
);

const Witnessing = object(
  {
    size: nullable(integer('Leaves of the last head that meets the quorum; null: none yet.')),
    freshness: nullable(
      integer('Unix seconds by which a quorum has seen that head; null: nobody vouches for a time.'),
    ),
    witnesses: Type.Array(
      object({
        name: Type.String({ description: 'In the policy.' }),
        healthy: Type.Boolean({ description: 'Whether its last answer was a cosignature.' }),
        size: nullable(integer('Leaves of the tree that it has cosigned last.')),
        timestamp: nullable(integer('Of its last cosignature, Unix seconds.')),
        error: nullable(Type.String({ description: 'Reason code of what went wrong last.' })),
        failures: integer('Attempts in a row that have failed.'),
      }),
    ),
  },
  'How the log stands with its witnesses; absent where it has no witness policy.',
);

export const Log = object({
  origin: Type.String(),
  verifierKey: Type.String({ description: 'Checkpoint key, C2SP text form.' }),
  genesis: EntryId,
  simulated: Type.Boolean({ description: 'True for a log for development.' }),
  rules: Type.String({ description: 'Id of the rules in force, base64url.' }),
  status: object({
    accepting: Type.Boolean({ description: 'Whether the log takes statements now.' }),
    reason: nullable(Type.String({ description: 'Reason code while it does not.' })),
    size: integer('Leaves in the newest tree.'),
    queued: integer('Statements waiting for their place.'),
    witnessing: Type.Optional(Witnessing),
  }),
});

export const Inclusion = object({
  index: integer('Leaf index.'),
  leafHash: base64('32 bytes.'),
  path: Path,
  head: Head,
});

export const Consistency = object({
  from: integer('Size of the older tree.'),
  path: Path,
  head: Head,
  receipt: nullable(
    base64('COSE receipt of consistency, RFC 9942; null from a mirror, which signs nothing.'),
  ),
});

export const Entry = object({
  index: integer('Leaf index.'),
  leafData: base64('Statement: the 32-byte entry id. State entry: its CBOR, longer than 32 bytes.'),
  statement: nullable(base64('Canonical COSE_Sign1; null for a state entry.')),
});

export const Entries = object({ entries: Type.Array(Entry) });

export const Effect = object({
  index: integer('Leaf index of the statement.'),
  stateIndex: integer('Index of the state entry that closed the batch.'),
  stateEntry: base64('CBOR.'),
  statePath: Path,
  verdict: base64('CBOR of [index, "ok" / "refused", reason / nil].'),
  verdictPath: Path,
  verdictPosition: integer('Place of the verdict under the effects root.'),
  verdictCount: integer('Verdicts under the effects root.'),
  head: Head,
});

export const Facts = object({
  head: Head,
  tip: object({ index: integer('size - 1'), stateEntry: base64('CBOR.'), path: Path }),
  facts: Type.Array(
    object({
      key: base64('CBOR array [type, id, ...].'),
      value: nullable(base64('CBOR record; null: proven absent.')),
      proof: base64('CBOR map proof.'),
    }),
  ),
});

export const Registration = object({
  index: integer('Leaf index.'),
  entryId: EntryId,
  receipt: base64('COSE receipt of inclusion, RFC 9942.'),
  existed: Type.Boolean({ description: 'True when the statement was in the log before.' }),
  head: Type.Optional(Head),
});

export const Failure = object({
  code: Type.String({ description: 'Reason code.' }),
  message: Type.String(),
  retryAfter: Type.Optional(integer('Seconds.')),
});

export const BatchResult = object({
  results: Type.Array(
    object({ registration: Type.Optional(Registration), failure: Type.Optional(Failure) }),
    { description: 'One for each statement, in order: its registration, or why there is none.' },
  ),
});

export const Wait = Type.Object(
  {
    wait: Type.Optional(
      Type.Enum(['LOGGED', 'WITNESSED'], {
        description:
          'WITNESSED: answered when a head that covers the entry meets the quorum of the log’s witness policy; that head comes with it, and the receipt is over its tree. What is not witnessed in time is logged all the same.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const OneStatement = object({ statement: base64('COSE_Sign1, tag 18.') });
export const ManyStatements = (most: number) =>
  object({ statements: Type.Array(base64('COSE_Sign1, tag 18.'), { minItems: 1, maxItems: most }) });

export const FactsRequest = (most: number) =>
  object({
    keys: Type.Array(base64('CBOR array [type, id, ...].'), { minItems: 1, maxItems: most }),
    size: Type.Optional(integer('Tree size; the newest when absent.')),
  });

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Reason code.' }),
    detail: Type.String(),
    retryAfter: Type.Optional(integer('Seconds.')),
  },
  { description: 'RFC 9457 problem details.' },
);

export type HeadJson = Static<typeof Head>;
export type EntryJson = Static<typeof Entry>;
export type RegistrationJson = Static<typeof Registration>;
export type FailureJson = Static<typeof Failure>;
