/**
 * `{ ...object, ...more }`, for what is made with each statement and gets members that `object` has not. Written so, the
 * engine (V8 11, node 20) gives every such object a hidden class of its own, which takes it 3 µs, and has to look for the members anew
 * wherever they are read. What both have is `more`'s. To spread and change members that are there already costs nothing of the kind.
 */
export function extended<T extends object, More extends object>(object: T, more: More): T & More {
  return Object.assign({}, object, more);
}
