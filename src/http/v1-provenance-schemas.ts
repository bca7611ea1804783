/** Shapes of the answers about descent, see v1-schemas.ts for the conventions. */
import { type TSchema, Type } from 'typebox';

const integer = (description: string) => Type.Integer({ minimum: 0, description });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const object = <T extends Record<string, TSchema>>(members: T, description?: string) =>
  Type.Object(members, { additionalProperties: false, ...(description ? { description } : {}) });
const EntryId = Type.String({ description: 'Entry id of the statement, base64url.' });
const Next = nullable(integer('Cursor of the next page; null: there is none.'));
const View = {
  size: integer('Tree size that the answer is about.'),
  at: integer('Unix milliseconds that states are derived at.'),
};
const Text = Type.String();

const Stop = object(
  {
    version: nullable(integer('Of a dataset.')),
    entry: integer('Index of its entry.'),
    at: integer('Unix milliseconds from which it holds; may be still to come.'),
    before: Type.String({ description: 'The state that it ended.' }),
  },
  'A suspension, revocation, withdrawal or recall.',
);
const Edge = object({
  from: Text,
  to: Text,
  relation: Type.String({ description: 'Path of the member of the body that names `to`.' }),
  class: Type.Union(
    ['source', 'party', 'terms', 'mention'].map((name) => Type.Literal(name)),
    { description: 'Made from it; answered for by it; agreed about it; anything else.' },
  ),
  version: nullable(integer('Of a dataset.')),
  index: integer('The entry that says so.'),
  entryId: EntryId,
});
const Node = object({
  id: Type.String({ description: 'DID or URN.' }),
  type: Type.String({ description: '`participant`, or the type in the URN.' }),
  index: integer('The first entry about it.'),
  entryId: EntryId,
  kind: Text,
  state: nullable(Type.String({ description: 'As it is now; null: the state has no record of it.' })),
  version: nullable(integer('Of a dataset: the newest.')),
  stops: Type.Array(Stop),
  edges: Type.Array(Edge),
});
const Sums = object(
  { allocated: Text, reserved: Text, spent: Text },
  'Decimal: ε in micro-units, δ in pico-units.',
);

export const lineage = {
  Walk: object({
    ...View,
    root: Node,
    nodes: Type.Array(Node, { description: 'Upwards the newest first, downwards the oldest first.' }),
    next: Next,
    truncated: Type.Boolean({ description: 'The walk was too large, and ended before it was complete.' }),
  }),
  Timeline: object({
    ...View,
    events: Type.Array(
      object({
        index: integer('Of the entry.'),
        entryId: EntryId,
        kind: Text,
        subject: Text,
        issuer: Text,
        onBehalf: nullable(Text),
        time: integer('Unix milliseconds at which it took effect.'),
        outcome: Type.Literal('ok'),
        reason: nullable(Type.String({ description: 'Of a denial.' })),
        roles: Type.Array(Text, { description: 'Why it is here: subject, actor, named.' }),
        relations: Type.Array(Text, { description: 'Where the body names it.' }),
      }),
    ),
    next: Next,
  }),
  Objects: object({
    ...View,
    objects: Type.Array(
      object({
        id: Text,
        version: nullable(integer('Of a dataset.')),
        name: nullable(Text),
        state: Text,
        owners: Type.Array(Text),
        purposes: Type.Array(Text),
        stops: Type.Array(Stop),
        index: integer('The entry that made it, or this version of it.'),
        entryId: EntryId,
      }),
    ),
    next: Next,
  }),
  Stats: object({
    ...View,
    grants: integer('Key releases that were granted.'),
    denials: Type.Record(Text, Type.Integer(), { description: 'Key releases that were denied, by reason.' }),
    budgets: integer('Privacy budgets.'),
    epsilon: Sums,
    delta: Sums,
    reactions: object(
      {
        count: integer('Stops that a denial has followed.'),
        longest: integer('Milliseconds.'),
        total: integer('Milliseconds, all together.'),
        recent: Type.Array(
          object({
            subject: Text,
            kind: Text,
            stop: integer('Entry of the stop.'),
            at: integer('Unix milliseconds from which it held.'),
            denial: integer('Entry of the first denial.'),
            reason: Text,
            milliseconds: integer('Between the two.'),
          }),
        ),
      },
      'From a stop to the first key release that was denied because of it.',
    ),
    waiting: integer('Stops that no denial has followed yet.'),
  }),
};
