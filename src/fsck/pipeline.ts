/** Bundles through the threads, many at a time, and back in their order: as much in flight as keeps all cores busy, no more. */
import type { BundleAudit } from './audit-bundle.ts';
import type { Auditors } from './auditors.ts';
import type { BundleRows } from './bundle-rows.ts';

/** Bundles travel together up to so many bytes: a message costs more than hashing a small bundle. */
const GROUP_BYTES = 1 << 20;
/** What is under way at most, beside one group: statements may have 1 MiB each. */
const HELD_BYTES = 48 << 20;

export async function pipeline(
  bundles: AsyncIterable<BundleRows>,
  auditors: Auditors,
  take: (audit: BundleAudit) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const underWay: { answer: Promise<readonly BundleAudit[]>; bytes: number }[] = [];
  let held = 0;
  const takeFirst = async () => {
    const { answer, bytes } = underWay.shift()!;
    for (const audit of await answer) await take(audit);
    signal?.throwIfAborted();
    held -= bytes;
  };
  for await (const { group, bytes } of grouped(bundles, auditors.group)) {
    while (underWay.length >= auditors.depth || (underWay.length > 0 && held + bytes > HELD_BYTES)) {
      await takeFirst();
    }
    const answer = auditors.audit(group);
    answer.catch(() => undefined); // It is waited for in its turn.
    underWay.push({ answer, bytes });
    held += bytes;
  }
  while (underWay.length > 0) await takeFirst();
}

async function* grouped(
  bundles: AsyncIterable<BundleRows>,
  size: number,
): AsyncIterable<{ group: BundleRows[]; bytes: number }> {
  let group: BundleRows[] = [];
  let bytes = 0;
  for await (const bundle of bundles) {
    if (group.length > 0 && (bytes + bundle.rows.length > GROUP_BYTES || group.length === size)) {
      yield { group, bytes };
      group = [];
      bytes = 0;
    }
    group.push(bundle);
    bytes += bundle.rows.length;
  }
  if (group.length > 0) yield { group, bytes };
}
