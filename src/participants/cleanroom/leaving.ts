/**
 * What a clean room leaves behind, in one folder: `model.sealed` and `model.key` for the consumer, `delivery.json` that says
 * which model, run and files they are, and in `proofs` what each gate answered, as `aichain verify bundle` takes it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, toBase64url, toHex } from '../../core/bytes.ts';
import { createFile } from '../../platform/write-file.ts';
import type { Released } from './released.ts';
import type { Site } from './site.ts';
import type { Run } from './trained.ts';

export const SEALED = 'model.sealed';
export const WRAPPED = 'model.key';
export const DELIVERY = 'delivery.json';
export const PROOFS = 'proofs';

interface Leaving {
  readonly site: Site;
  /** URN. */
  readonly cleanroom: string;
  readonly run: Run;
  readonly released: Released;
}

/** @throws EEXIST a model lies there already */
export async function leave(out: string, { site, cleanroom, run, released }: Leaving): Promise<void> {
  const { model, to, wrapKid, delivery } = released;
  const proofs = join(out, PROOFS);
  mkdirSync(proofs, { recursive: true });
  createFile(join(out, SEALED), delivery.sealed, 0o600);
  createFile(join(out, WRAPPED), delivery.wrapped, 0o600);
  const said = {
    ...{ v: 1, log: site.origin, cleanroom, run: run.id, model, to, wrapKid: toBase64url(wrapKid) },
    ciphertext: toHex(delivery.ciphertext),
    spent: run.spent,
    outputs: run.outputs.map(({ name, format, digest, bytes }) => {
      return { name, format, sha256: toHex(digest), size: bytes.length };
    }),
  };
  createFile(join(out, DELIVERY), `${JSON.stringify(said, null, 2)}\n`, 0o644);
  for (const [i, { step, request, bundle }] of site.proofs.entries()) {
    const name = join(proofs, `${String(i + 1).padStart(3, '0')}-${step}`);
    createFile(`${name}.bundle`, bundle, 0o644);
    createFile(`${name}.json`, `${JSON.stringify(request, asJson, 2)}\n`, 0o644);
  }
}

/** A byte string as the command line takes it. */
function asJson(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { $bytes: toBase64url(value as Bytes) } : value;
}
