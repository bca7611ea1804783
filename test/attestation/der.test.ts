import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { readCertificate } from '../../src/attestation/certificate.ts';
import {
  DerReader,
  readBits,
  readBoolean,
  readDer,
  readFlags,
  readMagnitude,
  readOid,
  readSmall,
  readTime,
} from '../../src/attestation/der.ts';
import * as write from '../../src/attestation/der-write.ts';
import { splitCertificates } from '../../src/attestation/pem.ts';
import { type Bytes, equal, fromHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { chainOf, folder, readVector, readVectors } from './genuine.ts';

const refused = (make: () => unknown) => assert.deepEqual(outcome(make), { code: 'DER_MALFORMED' });
const of = (hex: string) => readDer(fromHex(hex));

describe('elements', () => {
  it('one, whole, with its length in the shortest form', () => {
    assert.deepEqual(of('0402abcd').content, fromHex('abcd'));
    for (const bad of [
      '',
      '04',
      '0402ab',
      '0402abcdef',
      '04800000',
      '048102abcd',
      '04820002abcd',
      '0484000000010a',
      '1f0100',
      '04ff',
    ]) {
      refused(() => of(bad));
    }
    const long = new Uint8Array(200).fill(7);
    assert.deepEqual(readDer(write.octets(long)).content, long);
    refused(() => readDer(Uint8Array.of(0x04, 0x82, 0, 200, ...long)));
  });

  it('of the tag that is needed', () => {
    refused(() => readDer(fromHex('0402abcd'), 0x30));
    const reader = new DerReader(fromHex('020105040101'));
    assert.equal(reader.optional(0x04), undefined);
    assert.equal(readSmall(reader.next(0x02), 9), 5);
    refused(() => reader.end());
  });
});

describe('values', () => {
  it('numbers are positive, and in their shortest form', () => {
    assert.deepEqual(readMagnitude(of('020100')), fromHex('00'));
    assert.deepEqual(readMagnitude(of('02020080')), fromHex('80'));
    for (const bad of ['0200', '020180', '02020001', '0202007f', '0203000080', '040105'])
      refused(() => readMagnitude(of(bad)));
    assert.equal(readSmall(of('020200ff'), 255), 255);
    for (const bad of ['02020100', '020300ffff', '02090100000000000000ff'])
      refused(() => readSmall(of(bad), 255));
  });

  it('booleans, bits, flags', () => {
    assert.equal(readBoolean(of('0101ff')), true);
    for (const bad of ['010101', '0100', '0102ffff']) refused(() => readBoolean(of(bad)));
    assert.deepEqual(readBits(of('030300abcd')), fromHex('abcd'));
    for (const bad of ['0300', '030201ab']) refused(() => readBits(of(bad)));
    assert.deepEqual(readFlags(of('03020780')).slice(0, 2), [true, false]);
    assert.equal(readFlags(of('03020106'))[5], true);
    for (const bad of ['0300', '030208ff', '03020101', '030101', '0306000000000000'])
      refused(() => readFlags(of(bad)));
  });

  it('object identifiers', () => {
    assert.equal(readOid(of('0603550403')), '2.5.4.3');
    assert.equal(readOid(of('06092b060104019c780101')), '1.3.6.1.4.1.3704.1.1');
    for (const bad of [
      '0600',
      '060180',
      '06028001',
      '0603550480',
      '0606550490808080',
      '0607559fffffffff7f',
    ]) {
      refused(() => readOid(of(bad)));
    }
    fc.assert(
      fc.property(
        fc.array(fc.nat(0xffff_ffff), { maxLength: 6 }),
        fc.nat(2),
        fc.nat(39),
        (rest, first, second) => {
          const dotted = [first, second, ...rest].join('.');
          assert.equal(readOid(readDer(write.oid(dotted))), dotted);
        },
      ),
    );
  });

  it('times are those of Date.UTC, in seconds and UTC', () => {
    const time = (tag: number, text: string) => readTime(readDer(write.element(tag, utf8(text))));
    assert.equal(time(0x17, '500101000000Z'), Date.UTC(1950, 0, 1));
    assert.equal(time(0x17, '491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59));
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1900-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const text = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
          assert.equal(time(0x18, text), Math.floor(date.getTime() / 1000) * 1000);
        },
      ),
    );
    for (const bad of [
      '20230229000000Z',
      '21000229000000Z',
      '20231301000000Z',
      '20230100000000Z',
      '20230101240000Z',
      '20230101006000Z',
      '20230101000060Z',
      '20230101000000',
      '20230101000000.5Z',
      '20230101000000+0100',
      '202301010000Z',
    ]) {
      refused(() => time(0x18, bad));
    }
    refused(() => time(0x17, '20230101000000Z'));
  });

  it('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [readMagnitude, readOid, readTime, readFlags, readBits, readBoolean]) {
          outcome(() => read(readDer(bytes)));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('certificates', { skip: folder === undefined }, () => {
  const all = () => readVectors().flatMap((vector) => [...splitCertificates(chainOf(vector))]);

  it('of AMD say what node reads in them', () => {
    for (const der of all()) {
      const [own, node] = [readCertificate(der), new X509Certificate(der)];
      assert.equal(own.notBefore, Date.parse(node.validFrom));
      assert.equal(own.notAfter, Date.parse(node.validTo));
      assert.equal(own.commonName, /CN=(.*)/.exec(node.subject)?.[1]);
      assert.equal(own.basicConstraints?.ca ?? false, node.ca);
    }
  });

  it('every damage to one is refused, or changes only what the signature covers', () => {
    const [der] = splitCertificates(readVector('azure-depa-inferencing-kms/endorsements.pem'));
    const genuine = readCertificate(der!);
    for (const damaged of mangled(der!)) {
      try {
        const { tbs, signature } = readCertificate(damaged);
        assert.ok(!equal(tbs, genuine.tbs) || !equal(signature, genuine.signature));
      } catch (error) {
        assert.ok(isLedgerError(error) && error.code.startsWith('CERTIFICATE_'), String(error));
      }
    }
  });

  it('none of 5,000 bytes, and none of version 1', () => {
    const long: Bytes = new Uint8Array(5000).fill(0x30);
    assert.deepEqual(
      outcome(() => readCertificate(long)),
      { code: 'CERTIFICATE_MALFORMED' },
    );
    const [der] = all();
    const old = der!.slice();
    const at = Buffer.from(old).indexOf(Buffer.from('a003020102', 'hex'));
    old[at + 4] = 0;
    assert.deepEqual(
      outcome(() => readCertificate(old)),
      { code: 'CERTIFICATE_MALFORMED' },
    );
  });
});

test('DER reading takes no longer for nested than for flat bytes', () => {
  const nested = new Uint8Array(30_000).fill(0x30);
  assert.ok('code' in outcome(() => splitCertificates(nested)));
});
