/** A mirror over real HTTP, in memory, and what it has kept. */
import { rulesId } from '../../src/chain/index.ts';
import { type Bytes, fromUtf8 } from '../../src/core/bytes.ts';
import { HttpUpstream, Mirror, type MirrorOptions } from '../../src/mirror/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import type { Ledger } from '../../src/service/ledger.ts';
import { memoryStorage, type Storage } from '../../src/storage/index.ts';
import type { Trust } from '../../src/verify/index.ts';
import { type Served, serve } from '../client/served.ts';
import { crypto } from '../log/world.ts';

export interface Mirrored {
  readonly mirror: Mirror;
  /** Served over both protocols, once it has a head. */
  serve(): Promise<Served>;
  /** By name. */
  readonly kept: Map<string, Bytes>;
  /** The report that was kept. */
  report(): { code: string; checkpoints: string[] };
  readonly storage: Storage;
  readonly events: string[];
  close(): Promise<void>;
}

export interface MirrorChanges extends Partial<MirrorOptions> {
  readonly storage?: Storage;
}

export async function mirrorOf(url: string, trust: Trust, changes: MirrorChanges = {}): Promise<Mirrored> {
  const kept = new Map<string, Bytes>();
  const events: string[] = [];
  const storage = changes.storage ?? memoryStorage();
  const upstream = new HttpUpstream(url, { retries: 0 });
  const mirror = await Mirror.open({
    ...{ crypto, trust, upstream, storage, rules: rulesId(crypto), interval: 10 },
    evidence: {
      async keep(name, content) {
        kept.set(name, content);
        return name;
      },
    },
    observe: { event: (_level, message) => events.push(message) },
    ...changes,
  });
  const opened: Served[] = [];
  return {
    ...{ mirror, kept, storage, events },
    serve: async () => {
      const served = await serve(new LedgerService(crypto, mirror.log) as Ledger);
      opened.push(served);
      return served;
    },
    report: () => {
      const [, content] = [...kept].find(([name]) => name.endsWith('.json'))!;
      return JSON.parse(fromUtf8(content));
    },
    close: async () => {
      for (const served of opened) await served.close();
      await upstream.close();
      await mirror.close();
    },
  };
}
