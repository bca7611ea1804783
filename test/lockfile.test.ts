import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

interface LockedPackage {
  version?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

test('package-lock.json has every optional platform package, or `npm ci` refuses it (scripts/lock-platforms.mjs)', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        lock.packages[`${path}/node_modules/${name}`]?.version === undefined &&
        lock.packages[`node_modules/${name}`]?.version === undefined,
    ),
  );
  assert.deepEqual(missing, []);
});

test('package-lock.json names no registry host', () => {
  const resolved = Object.values(lock.packages).flatMap((entry) => entry.resolved ?? []);
  assert.deepEqual(resolved, []);
});
