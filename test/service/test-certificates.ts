/** A certificate authority for tests: P-256 certificates, written as DER by hand (RFC 5280). */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: number[]) => der(0x06, Buffer.from(bytes));
const bits = (bytes: Uint8Array) => der(0x03, Buffer.from([0]), bytes);
const time = (year: number) => der(0x18, Buffer.from(`${year}0101000000Z`));

const ECDSA_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const name = (commonName: string) =>
  sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))));

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Encoded where they are made: to export them later can hang (see src/platform/crypto-node.ts). */
function newKeys(): { publicKey: Uint8Array; privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export class TestAuthority {
  readonly #name = name('test authority');
  readonly #keys = newKeys();
  readonly cert = this.#certificate(this.#name, this.#keys.publicKey, [
    sequence(
      oid(0x55, 0x1d, 0x13),
      der(0x01, Buffer.from([0xff])),
      der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
    ),
  ]);

  issue(commonName: string): TestCertificate {
    const { publicKey, privateKey } = newKeys();
    // subjectAltName: DNS localhost, IP 127.0.0.1
    const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
    const extension = sequence(oid(0x55, 0x1d, 0x11), der(0x04, names));
    return {
      cert: this.#certificate(name(commonName), publicKey, [extension]),
      key: privateKey,
    };
  }

  #certificate(subject: Uint8Array, publicKey: Uint8Array, extensions: Uint8Array[]): string {
    const serial = randomBytes(8);
    serial[0] = 1;
    const content = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, serial),
      ECDSA_SHA256,
      this.#name,
      sequence(time(2020), time(2120)),
      subject,
      publicKey,
      der(0xa3, sequence(...extensions)),
    );
    const certificate = sequence(content, ECDSA_SHA256, bits(sign('sha256', content, this.#keys.privateKey)));
    const lines = certificate.toString('base64').match(/.{1,64}/g)!;
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}
