/**
 * Text from strangers, made safe to print. A statement, a checkpoint or a server's message can hold escape sequences
 * that move the cursor or rewrite lines that are already on the screen, and marks that turn the direction of reading.
 */

// Control characters but newline; format characters (Cf), among them the bidirectional controls; lone surrogates.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line: every unsafe character is written as its code point. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
