/** The container: what was written is what is read, and nothing else is read at all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeBackupEnd,
  decodeBackupHead,
  decodeError,
  decodeFile,
  decodeRows,
  encodeBackupEnd,
  encodeBackupHead,
  encodeError,
  encodeFile,
  encodeRow,
} from '../../src/backup/content.ts';
import { BACKUP, FRAME, type Frame, FrameWriter, KEYS, readFrames } from '../../src/backup/frames.ts';
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';

function written(frames: readonly Frame[], line = BACKUP): Bytes {
  const writer = new FrameWriter(crypto, line);
  return concat(writer.line, ...frames.map((frame) => writer.frame(frame)));
}

async function read(bytes: Bytes, cut = bytes.length): Promise<Frame[]> {
  const parts = async function* () {
    for (let at = 0; at < bytes.length; at += cut) yield bytes.subarray(at, at + cut);
  };
  const frames: Frame[] = [];
  for await (const { type, content } of readFrames(crypto, BACKUP, parts())) {
    frames.push({ type, content: content.slice() });
  }
  return frames;
}

const END: Frame = { type: FRAME.END, content: encodeBackupEnd({ rows: 1, files: 2 }) };

describe('frames', () => {
  test('are read as they were written, however they arrive', async () => {
    const frame = fc.record({
      type: fc.constantFrom(FRAME.HEAD, FRAME.ROWS, FRAME.FILE, FRAME.ERROR),
      content: fc.uint8Array({ maxLength: 300 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        async (frames, cut) => {
          const all = [...frames, END].map(({ type, content }) => ({
            type,
            content: new Uint8Array(content),
          }));
          assert.deepEqual(await read(written(all), cut), all);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('with any byte damaged, moved, missing or added, are refused', async () => {
    const row: Frame = { type: FRAME.ROWS, content: encodeRow([utf8('k'), utf8('value')]) };
    for (const bytes of mangled(written([row, END]))) {
      await assert.rejects(read(bytes), { code: 'BACKUP_MALFORMED' });
    }
  });

  test('out of another file, in another order or twice, are refused', async () => {
    const [a, b] = [1, 2].map((n) => ({ type: FRAME.ROWS, content: Uint8Array.of(n) }));
    const one = written([a!, b!, END]);
    const length = 5 + 1 + 32;
    const line = BACKUP.length;
    const frame = (n: number) => one.subarray(line + n * length, line + (n + 1) * length);
    const end = one.subarray(line + 2 * length);
    for (const some of [[frame(1), frame(0)], [frame(0), frame(0), frame(1)], [frame(1)], [frame(0)]]) {
      const bytes = concat(one.subarray(0, line), ...some, end);
      await assert.rejects(read(bytes), { code: 'BACKUP_MALFORMED', message: /frame [01], at byte/ });
    }
    await assert.rejects(read(written([END], KEYS)), { code: 'BACKUP_MALFORMED' });
    const huge = concat(utf8(BACKUP), Uint8Array.of(FRAME.ROWS, 255, 255, 255, 255));
    await assert.rejects(read(huge), { code: 'BACKUP_MALFORMED', message: /is damaged/ });
  });
});

describe('what is in the frames', () => {
  const head = { origin: 'o', size: 2, root: new Uint8Array(32), checkpoint: 'note', madeAt: 1 };
  const file = { path: 'genesis.cose', bytes: Uint8Array.of(1, 2, 3) };
  const error = { code: 'INTERNAL', message: 'm' };
  const rows = concat(encodeRow([utf8('k'), utf8('v')]), encodeRow([utf8('key'), utf8('')]));
  const parsers: readonly (readonly [Bytes, (bytes: Bytes) => unknown, unknown])[] = [
    [encodeBackupHead(head), decodeBackupHead, head],
    [encodeBackupEnd({ rows: 1, files: 2 }), decodeBackupEnd, { rows: 1, files: 2 }],
    [encodeFile(file), decodeFile, file],
    [encodeError(error), decodeError, error],
    [
      rows,
      (bytes) => [...decodeRows(bytes)],
      [
        [utf8('k'), utf8('v')],
        [utf8('key'), utf8('')],
      ],
    ],
  ];

  test('is read as it was written', () => {
    for (const [bytes, parse, value] of parsers) assert.deepEqual(parse(bytes), value);
  });

  test('damaged, is refused as malformed or is something else, and crashes nothing', () => {
    for (const [whole, parse] of parsers) {
      for (const bytes of mangled(whole)) {
        const result = outcome(() => parse(bytes));
        if ('code' in result) assert.equal(result.code, 'BACKUP_MALFORMED');
      }
    }
    const thrown = fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        [...decodeRows(new Uint8Array(bytes))];
      } catch (cause) {
        assert.ok(isLedgerError(cause, 'BACKUP_MALFORMED'));
      }
    });
    fc.assert(thrown, { numRuns: 200 });
  });
});
