/**
 * What no text in a chain statement may be: a placeholder that a template left behind, or a secret. The log is
 * public and for ever; a key or token that gets in cannot be taken out again.
 *
 * Every pattern takes time linear in the text: each is anchored to a word or a character class that cannot begin
 * inside its own run.
 */

export type TextFault = 'PLACEHOLDER_VALUE' | 'SECRET_IN_BODY';

/** An unexpanded shell or template variable: `$VAR`, `${VAR}`. An amount of money (`$5`) is none. */
const VARIABLE = /\$\{?[A-Za-z_]/;

const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY/, // RFC 7468 §10, §11 and the older forms
  /(?:^|[?&;])[Ss][Ii][Gg]=[^&]/, // the signature of a shared access signature (SAS)
  /[Bb]earer[ \t]+[A-Za-z0-9._~+/-]{16}/, // RFC 6750 §2.1
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16}/, // a compact JWT, RFC 7515 §7.1
];

/**
 * Every fault has one of these in it: a variable its dollar, blank text and each secret a blank, an equals sign, or the J of
 * `eyJ`. Names, numbers and digests have none, and one look is enough for them.
 */
const SUSPECT = /[$= \t\r\nJ]/;

/** Why `text` cannot be a value, or undefined. */
export function textFault(text: string): TextFault | undefined {
  if (text !== '' && text !== 'null' && !SUSPECT.test(text)) return undefined;
  if (text === 'null' || !/[^ \t\r\n]/.test(text) || VARIABLE.test(text)) return 'PLACEHOLDER_VALUE';
  return SECRETS.some((secret) => secret.test(text)) ? 'SECRET_IN_BODY' : undefined;
}
