/** Decimal texts and dates as whole numbers, without a float between: 1.4947 is 1,494,700 micro-units and nothing near it. */

/** A number as JSON writes it, or DEPA in quotation marks: no sign, no blanks, no thousands separators. */
const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?$/;
const MAX_TEXT = 64;

/** `text` × 10^digits where that is a whole number that can be held exactly. @example scaled('1.4947', 6) // 1494700 */
export function scaled(text: string, digits: number): number | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const [, whole, fraction = '', power = '0'] = DECIMAL.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const shift = digits + Number(power) - fraction.length;
  const unscaled = BigInt(whole + fraction);
  if (unscaled === 0n) return 0;
  const factor = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && unscaled % factor !== 0n) return undefined;
  const value = shift < 0 ? unscaled / factor : unscaled * factor;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

// RFC 3339, in UTC; fractions of a second only if they are zero.
const DATE = /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.0{1,9})?Z$/;

/** Unix seconds. @example unixSeconds('2023-03-14T00:00:00.000Z') // 1678752000 */
export function unixSeconds(text: string): number | undefined {
  const [, upToSeconds] = DATE.exec(text) ?? [];
  if (upToSeconds === undefined) return undefined;
  const time = Date.parse(`${upToSeconds}Z`);
  // 30 February is a date to Date.parse, but another one.
  const exists = Number.isFinite(time) && new Date(time).toISOString().startsWith(upToSeconds);
  return exists && time >= 0 ? time / 1000 : undefined;
}
