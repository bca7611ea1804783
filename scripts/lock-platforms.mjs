// `npm install` leaves a platform's optional binary out of package-lock.json when the registry it asked does not
// carry that binary, and `npm ci` then refuses the lock file on every machine. This puts the entries back: name,
// version and platform, as npm itself writes them; npm fetches one only on the platform it is for.
// Run it after any change of dependencies: npm install … && node scripts/lock-platforms.mjs
import fs from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(fs.readFileSync(file, 'utf8'));
const { '': root, ...packages } = lock.packages;
const platform =
  /(android|darwin|linux|win32|freebsd|openharmony)-(arm64|x64|ia32|armv7|arm|ppc64|riscv64|s390x)(?:-(gnu|musl|msvc)?(?:eabi(?:hf)?)?)?$/;

let added = 0;
for (const [path, parent] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (
      packages[`${path}/node_modules/${name}`] !== undefined ||
      packages[`node_modules/${name}`] !== undefined
    )
      continue;
    const match = platform.exec(name);
    if (match === null) throw new Error(`${name}: cannot tell its platform by its name; add it by hand`);
    const [, os, cpu, abi] = match;
    packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu === 'armv7' ? 'arm' : cpu],
      ...(parent.dev === true ? { dev: true } : {}),
      ...(os === 'linux' && abi !== undefined ? { libc: [abi === 'musl' ? 'musl' : 'glibc'] } : {}),
      license: parent.license,
      optional: true,
      os: [os],
      ...(parent.engines === undefined ? {} : { engines: parent.engines }),
    };
    added += 1;
  }
}
lock.packages = {
  '': root,
  ...Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1))),
};
fs.writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform packages added to package-lock.json`);
