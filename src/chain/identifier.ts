/**
 * Identifiers in statements: DIDs for participants, `urn:depa:` names for objects. One spelling each: nothing is
 * normalised, so two texts are one name only if they are the same bytes.
 */

/** Bytes of the longest DID or URN that is taken. */
export const MAX_IDENTIFIER = 512;

// W3C DID 1.0 §3.1, without DID URLs: no path, query or fragment.
const DID = /^did:[a-z0-9]{1,32}:(?:[A-Za-z0-9._-]|%[0-9A-F]{2}|:(?!$))+$/;
// `local` is a UUID (RFC 9562, lower case) for what evolves, or the digest of what does not.
const LOCAL = '(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sha256-[0-9a-f]{64})';
const URN = new RegExp(`^urn:depa:[a-z][a-z-]{0,31}:[!-~]+:${LOCAL}$`);

const TYPE_AT = 'urn:depa:'.length;

export function isDid(text: string): boolean {
  return text.length <= MAX_IDENTIFIER && DID.test(text);
}

/** `web` of `did:web:example.com`. */
export function didMethod(did: string): string {
  return did.slice(4, did.indexOf(':', 4));
}

/** Whether `text` is `urn:depa:<type>:<origin>:<local>`, of that type if one is given. */
export function isUrn(text: string, type?: string): boolean {
  if (type !== undefined && !hasType(text, type)) return false;
  return text.length <= MAX_IDENTIFIER && URN.test(text);
}

/** Of a URN that the pattern takes. To compare takes less than to match, and to take apart what matched. */
function hasType(text: string, type: string): boolean {
  return text.startsWith(type, TYPE_AT) && text.indexOf(':', TYPE_AT) === TYPE_AT + type.length;
}

/** The origin of a C2SP log as checkpoints take it: printable ASCII without spaces and plus signs. */
export function isOrigin(text: string): boolean {
  return /^[!-*,-~]{1,255}$/.test(text);
}

/** Whether a URN names an object of the log `origin`: objects that a log creates carry its name. */
export function isOwnUrn(text: string, origin: string): boolean {
  return isUrn(text) && text.slice(text.indexOf(':', 9) + 1, text.lastIndexOf(':')) === origin;
}
