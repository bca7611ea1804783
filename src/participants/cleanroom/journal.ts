/**
 * What a room leaves behind when its process dies. Its keys are gone, so it cannot be gone on with; but until its deployer says
 * so, it counts as a run of the contract. The next start finds it here, and ends it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../../core/errors.ts';
import { makeFolder, writeFileAtomically } from '../../platform/write-file.ts';

export class Journal {
  readonly #path: string;
  readonly #origin: string;

  constructor(path: string, origin: string) {
    this.#path = path;
    this.#origin = origin;
  }

  /** URN of a room that was begun and never ended. @throws CONFIG_INVALID, ORIGIN_MISMATCH another log's */
  get left(): string | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fail('CONFIG_INVALID', `${this.#path} cannot be read`, { cause });
    }
    const { origin, cleanroom } = members(text);
    if (typeof cleanroom !== 'string') throw fail('CONFIG_INVALID', `${this.#path} is not a room’s journal`);
    if (origin !== this.#origin) throw fail('ORIGIN_MISMATCH', `${this.#path} is of a room of another log`);
    return cleanroom;
  }

  /** Before the room is deployed: one that is in the log is never missing here. */
  begin(cleanroom: string): void {
    makeFolder(dirname(this.#path));
    writeFileAtomically(this.#path, `${JSON.stringify({ v: 1, origin: this.#origin, cleanroom })}\n`);
  }

  end(): void {
    rmSync(this.#path, { force: true });
  }
}

function members(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
