/** Shapes of requests, as JSON schemas: every member is bounded, and none is passed over. */
export const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });

export const object = (properties: object, required: readonly string[]) => ({
  ...{ type: 'object', additionalProperties: false, properties, required },
});
