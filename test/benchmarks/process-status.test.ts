import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { memoryOf, processorSeconds } from '../../benchmarks/process-status.ts';

const skip = process.platform !== 'linux' && 'proc(5) is of Linux';

describe('what Linux tells of a process', { skip }, () => {
  it('has numbers for one that runs', () => {
    const { now, peak } = memoryOf(process.pid);
    assert.ok(now > 0 && peak >= now);
    assert.ok(processorSeconds(process.pid) > 0);
  });

  it('throws for one that has ended, and gives no 0', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    assert.throws(() => memoryOf(pid), /ENOENT/);
    assert.throws(() => processorSeconds(pid), /ENOENT/);
  });
});
