import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fail } from '../../src/core/errors.ts';
import { createLogger } from '../../src/platform/logger.ts';

function lines(level?: string) {
  const written: string[] = [];
  const destination = { write: (line: string) => void written.push(line) };
  const logger = createLogger({ ...(level ? { level } : {}), base: { origin: 'log.example' }, destination });
  return { logger, last: () => JSON.parse(written.at(-1)!), written };
}

describe('logger', () => {
  it('writes one JSON object a line, with the time as text', () => {
    const { logger, last, written } = lines();
    logger.info({ size: 7 }, 'published\nsecond line');
    assert.ok(written[0]!.endsWith('}\n') && !written[0]!.slice(0, -1).includes('\n'));
    const { time, ...rest } = last();
    assert.deepEqual(rest, { level: 'info', origin: 'log.example', size: 7, msg: 'published\nsecond line' });
    assert.equal(new Date(time).toISOString(), time);
  });

  it('leaves out what is below its level', () => {
    const { logger, written } = lines('warn');
    logger.info('no');
    assert.deepEqual(written, []);
  });

  it('redacts secrets and statement bodies at any usual depth', () => {
    const { logger, written } = lines();
    const secret = 'hunter2';
    logger.info({
      secret,
      key: { d: secret, privateKey: secret },
      req: { headers: { authorization: secret, cookie: secret, 'set-cookie': secret } },
      a: { b: { c: { token: secret } } },
      statement: secret,
      request: { body: { any: secret } },
    });
    assert.ok(!written[0]!.includes(secret), written[0]);
    assert.ok(written[0]!.includes('"headers":{"authorization":"[redacted]"'));
  });

  it('shows bytes as hexadecimal, and an error with its code and cause', () => {
    const { logger, last } = lines();
    const fields = { entryId: Uint8Array.of(0, 255) };
    logger.info(fields, 'logged');
    assert.equal(last().entryId, '00ff');
    assert.ok(fields.entryId instanceof Uint8Array);
    logger.error(fail('STORAGE_FAILED', 'outer', { cause: new Error('no space left') }));
    assert.equal(last().err.code, 'STORAGE_FAILED');
    assert.match(last().err.stack, /no space left/);
  });
});
