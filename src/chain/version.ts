/** Versions of what is published again and again: each is one more than the last. */
export const VERSION_NOT_NEXT = 'The version is not one more than that of the last one.';

export function isNext(version: number, last: { readonly version: number } | undefined): boolean {
  return version === (last?.version ?? 0) + 1;
}
