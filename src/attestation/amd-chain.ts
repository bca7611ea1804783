/**
 * The chain that vouches for the key of a report: VCEK → ASK → ARK, or VLEK → ASVK → ARK. Every check is made on its own,
 * so that a refusal names all that is wrong; none of what follows counts unless the root is an anchor and every link holds.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import type { Anchors } from './anchors.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { authorityFault, dateFault, isSelfIssued, isSignedBy, namesIssuer } from './certificate-link.ts';
import type { Findings } from './check.ts';
import { type AttestationCode, deny } from './codes.ts';
import { splitCertificates } from './pem.ts';
import { type Product, productNamed, SIMULATED } from './product.ts';
import type { Signer, SnpReport } from './snp-report.ts';
import { vekProduct } from './vek.ts';

/** Of the chip or its provider, intermediate, root. */
export interface AmdChain {
  readonly vek: Certificate;
  readonly intermediate: Certificate;
  readonly root: Certificate;
}

/** Names that AMD's certificates have, by the type of key. */
const LEAF_NAME: Readonly<Record<Signer, string>> = { vcek: 'SEV-VCEK', vlek: 'SEV-VLEK' };
const INTERMEDIATE_NAME: Readonly<Record<Signer, string>> = { vcek: 'SEV-', vlek: 'SEV-VLEK-' };
const ROOT_NAME = 'ARK-';
const SALT = 48;
const KEY_BITS = 4096;

/** @throws codes of what the certificates are, see {@link splitCertificates} and {@link readCertificate} */
export function readAmdChain(bytes: Bytes | undefined): AmdChain {
  const found = bytes === undefined ? [] : splitCertificates(bytes);
  if (found.length !== 3) throw deny('CHAIN_LENGTH_WRONG', `${found.length} certificates`);
  const [vek, intermediate, root] = found.map(readCertificate) as [Certificate, Certificate, Certificate];
  return { vek, intermediate, root };
}

/** The product of the report; before version 3, that which the root is for. */
export function productOfChain({ root }: AmdChain): Product | undefined {
  return productNamed(root.commonName.replace(ROOT_NAME, ''));
}

export interface ChainQuestion {
  readonly chain: AmdChain;
  readonly anchors: Anchors;
  readonly report: SnpReport;
  readonly product: Product | undefined;
  /** Unix milliseconds. */
  readonly at: number;
}

export function checkAmdChain(find: Findings, crypto: Crypto, question: ChainQuestion): void {
  const { chain, anchors, product, report, at } = question;
  const { vek, intermediate, root } = chain;
  const ordered = isSelfIssued(root) && !isSelfIssued(vek) && !isSelfIssued(intermediate);
  find.judge(
    'chain.order',
    ordered ? undefined : 'CHAIN_ORDER_WRONG',
    'chip, intermediate, self-issued root',
    [vek, intermediate, root].map(({ commonName }) => commonName).join(', '),
  );
  checkRoot(find, crypto, chain, anchors);
  find.judge(
    'chain.names',
    namesIssuer(vek, intermediate) && namesIssuer(intermediate, root) ? undefined : 'CHAIN_NAMES_MISMATCH',
    'the subject of the next certificate as the issuer of each',
    namesIssuer(vek, intermediate) ? 'those of the chip agree' : 'those of the chip do not agree',
  );
  checkProduct(find, chain, product, anchors.tee === 'simulated');
  checkSigner(find, chain, report);
  const fault = authorityFault(root, 1) ?? authorityFault(intermediate, 0);
  find.judge('chain.authority', fault, 'authorities that may sign certificates', fault ?? 'they may');
  checkAlgorithms(find, chain);
  const broken = brokenLink(crypto, chain);
  find.judge(
    'chain.signature',
    broken ? 'CHAIN_SIGNATURE_INVALID' : undefined,
    'signatures that verify',
    broken ? `that of the ${broken} does not` : 'they do',
  );
  const late = [vek, intermediate, root].map((one) => dateFault(one, at)).find((one) => one !== undefined);
  find.judge('chain.dates', late, `valid at ${at}`, `${vek.notBefore} to ${vek.notAfter} for the chip`);
}

/** The root has to be an anchor byte for byte, and a simulator’s only where the anchors are a simulator's. */
function checkRoot(find: Findings, crypto: Crypto, { root, intermediate }: AmdChain, anchors: Anchors): void {
  const anchored = anchors.roots.some((known) => equal(known, root.raw));
  const disguised = root.commonName === `${ROOT_NAME}${SIMULATED}` && anchors.tee !== 'simulated';
  find.judge(
    'chain.root',
    disguised ? 'SIMULATED_EVIDENCE' : anchored ? undefined : 'ROOT_NOT_ANCHORED',
    `one of the ${anchors.roots.length} roots of ${anchors.id} version ${anchors.version}`,
    anchored ? root.commonName : `another certificate with the name ${root.commonName}`,
  );
  if (anchors.collateral.length === 0) find.skip('chain.intermediate', 'the anchors list none');
  else {
    const digest = crypto.sha256(intermediate.raw);
    const listed = anchors.collateral.some((known) => equal(known, digest));
    find.judge(
      'chain.intermediate',
      listed ? undefined : 'INTERMEDIATE_NOT_ANCHORED',
      `one of ${anchors.collateral.length}`,
      listed ? intermediate.commonName : `another certificate with the name ${intermediate.commonName}`,
    );
  }
}

function checkProduct(
  find: Findings,
  { vek, root }: AmdChain,
  product: Product | undefined,
  simulated: boolean,
): void {
  const name = simulated ? SIMULATED : product?.name;
  find.attempt(
    'chain.product',
    name ?? 'a product that is known',
    () => {
      const stated = vekProduct(vek);
      if (name === undefined || stated !== name || root.commonName !== `${ROOT_NAME}${name}`) {
        throw deny('CHAIN_PRODUCT_MISMATCH', `${stated} under ${root.commonName}`);
      }
      return stated;
    },
    (stated) => stated,
  );
}

/** A VLEK chain has the name of its type in both of its lower certificates. */
function checkSigner(find: Findings, { vek, intermediate, root }: AmdChain, { signer }: SnpReport): void {
  const product = root.commonName.replace(ROOT_NAME, '');
  const fits =
    signer !== undefined &&
    vek.commonName === LEAF_NAME[signer] &&
    intermediate.commonName === `${INTERMEDIATE_NAME[signer]}${product}`;
  find.judge(
    'chain.signer',
    fits ? undefined : 'CHAIN_SIGNER_MISMATCH',
    signer === undefined ? 'a type of key that is known' : `${LEAF_NAME[signer]} under its intermediate`,
    `${vek.commonName} under ${intermediate.commonName}`,
  );
}

function checkAlgorithms(find: Findings, { vek, intermediate, root }: AmdChain): void {
  const others = [vek, intermediate, root].filter(({ scheme }) => {
    return scheme.type !== 'pss' || scheme.hash !== 'sha384' || scheme.saltLength !== SALT;
  });
  const sizes = [intermediate, root].map(({ key }) => (key.type === 'rsa' ? key.key.bits : 0));
  const fault: AttestationCode | undefined =
    others.length > 0 || sizes.some((bits) => bits !== KEY_BITS) ? 'CHAIN_ALGORITHM_WRONG' : undefined;
  const [first = vek] = others;
  find.judge(
    'chain.algorithm',
    fault,
    'RSA PSS, sha384, salt 48, 4096 bits',
    `${first.scheme.text}, ${sizes.join(' and ')} bits`,
  );
}

/** Of an anchor, the bytes are what is trusted: its own signature would add nothing. */
function brokenLink(crypto: Crypto, { vek, intermediate, root }: AmdChain): string | undefined {
  if (!isSignedBy(crypto, vek, intermediate)) return 'chip';
  return isSignedBy(crypto, intermediate, root) ? undefined : 'intermediate';
}
