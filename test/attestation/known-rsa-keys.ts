/**
 * RSA keys of 4096 bits that everybody knows: to look for two primes of that size takes seconds of a processor, and no test asks
 * how they were found. Nothing but tests may trust them.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';

const PRIMES: readonly (readonly [p: string, q: string])[] = [
  [
    'yOT5BuUrpnFReK6MYRcEczn_m2jo3IeClhaKYQ2_749G75_8Nq72cWLr6HBbKarVqHz9YIU_rT3BGE_BXflgkEWAMa7gvfn3wQZS' +
      'X_vaZjx8l-iAz6BiLev5j_6Et8bRzFulMHx-qxTjacL72-CnytW3krz9C3SSV54kbFuabFuWwmlZVA1KtaEzxkLgTJF-W_WuoOdu' +
      'arBACP-8iCCVvo6XMbPcm3XTpj_zat3xJJQ1Lw3OjlxmvrQZLJw6jGB2I_96971py-vVPDt8DBBRgGd8RlHZVd9GtXx_dDEUb4b9' +
      'bMXG2nim-AysFmhoMKjXf8K70niD4eDX0JK2JgnUZw',
    'vS_k79OlY322ZX2WA1RiN1tAqTcf6aCzFV6vjMOC003c9mnVfQ_xzg5yKk7CkvCWB5Le_geY52AYM8sWz9hwbEI5BuS4U-ObqpdC' +
      'Ygas07dChvVWomWgN2fJVf_eaZDsh3ZjdgoBbR1wJo5DQSJC28c9b6PbdVx_ukqOLRpkbIoJCo2sFl-56u2n4-b4-Ebxcc4ST8ZA' +
      'vuMFqIsYuElYCOAIq8w5bW6uxiLhU66PQEYkCx6XKqHYPcHkp6qrkwuN0oqogPK9LV5U8HiupOp4xq3aYG_XoCdhlWiMQk5G-Byk' +
      'mWr09RFTmrCOlaVkNHtvpInEEmOug_juq5N2sesQtQ',
  ],
  [
    '-I-gS8lVVWmxMaSDxe3CC6ToBHDw_UtZwwtaZBop2z4MKJQjWNtytBZmzsGYpZN-1ajCHkzd8liG42fgc0OUkDR5Zze6OqNi-EtS' +
      'SHiy2ZvK1GN3lUplzb56a4J04rm7oT-lwdFEsbQrRgmtrjQgmyLwBXFqjXEGJdtuavRa038GDl2d-59H9rmRHmA9nI5ZDQM7QuPi' +
      'dfUQwh5j5eES6adjHe4_j2hKpa8LqOEwoFNGYmnfc9xeVn9pdBUb-f-2OSJPRg9ne_m3u_LPBVk1to0rdvc5HOf1V4mW0EkhTEy3' +
      'h78M5tG5jwmvPLdHsSHXhPvD_5h174nQVPKyStYLSQ',
    'taY_mq_tmprzM3DOdlTLedA5pPyhIZB9SX58x7ilnDm2IazYRBSsmRMNQxx2MWZmcbu_l42m9OgisQjsCCQ8-fThacA74jNY4nFV' +
      'CKMWoXpWYGmmppmOqlAJ6j09qd8BKW_D0nKlhB7W50PG6p3ywogbmtGZ-e3Cqlg2Y56uIpkyXFI6btlUtkrffKPwMYz0RcyW9btE' +
      '_yDmWzCiivy-LMcuUUMRQHNIhfbia6FhHn3a5mNZqEZMi6RYhu75C3cKA2C81RQgxyopV0zvPwU1S9fia2buyhZHKonSjge241Lz' +
      'FMtzc-UNAIikijVwdie6_kveJGDWCBl0Mw74U0YXrQ',
  ],
  [
    '3DOW01URxv9kNZQEYaOI8xwRk_MlxHrovdLIXZ7FS58Ex3K_Uda0_ESy-mqjB463w1ima5Iu6q1AhSVLolnknVGxsVDrqIgp5QZa' +
      'yL-d4BtS3s10VjExpZKegR1MrSXsFyax_lhqpBVmqf5TNSHumsGFXqFspA_RCRkqzUI0CTrrrkqs3zxhviTJyJfLeRvSLoWnmBVM' +
      'WggCUd27Rc5V9UliVKvN9PmTpO2u6-ijRXgQkH0PHDsZbSyg9cntIZDdiuOZ8MUG13QdypfsY5wqQGltQ3uMUv9JvM6SBdsxirE4' +
      'W2eu0sGw9xLYtTp2du6i4-TGsDojSD9DpJsO0xAfbQ',
    'wSQSNmeJrbfppJAwaZz_nUznqJY8UlwDYkL07aHlvoaGG5Ysc3WKanZhnpHQnwZKKgSyRG8ZQq1UIGs3cD7NtFrkHiT_yRrLru4r' +
      'a6YH7OkXn5iHDaQmIPp8Tx35eOvL1HuzIigWrg9D_nHbBnM5qTKhn5oBbwcNRdCU7zHWEW0OE9-AP0fDqsXyOetuLH4-CZmkCd1r' +
      'ZHQqCgJql0uEP3bUNhXT_qt4pvn7AROwztV0wYSgg6yDzzMfjDVCcrP54Fnqenn7FIeU8HDRtWdriIgoTZwkqU4JGWZlyVynvkHQ' +
      'iAAs3MnJqIqzfV-q8qWublt1310GvFf9pnIvQULenQ',
  ],
];
const EXPONENT = 65_537n;

/** Key `n` of them. */
export function knownRsaKey(n: number): KeyObject {
  const [p, q] = PRIMES[n]!.map((text) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)) as [
    bigint,
    bigint,
  ];
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e: EXPONENT, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const members = Object.entries(numbers).map(([name, value]) => [name, base64url(value)]);
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(members) }, format: 'jwk' });
}

/** The same as the simulator keeps it. */
export function knownRsaPem(n: number): string {
  return knownRsaKey(n).export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** By Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, t, nextT] = [modulus, value % modulus, 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [t, nextT] = [nextT, t - quotient * nextT];
  }
  return t < 0n ? t + modulus : t;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}
