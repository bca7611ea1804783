/**
 * Where the time goes: CPU profiles of a suite's own process and of every server that it starts, threads too, each with a flame
 * graph beside it. Profiles open in the developer tools of a browser; flame graphs in any.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CpuProfile, flameGraph, selfTimes } from './flame-graph.ts';
import { PROFILE_FOLDER } from './server.ts';

const SHOWN = 15;
/** A thread that did less is left out. */
const LEAST_SECONDS = 0.5;

export async function profiled(name: string, run: () => Promise<unknown>): Promise<void> {
  const folder = fileURLToPath(new URL(`./results/profile-${name}/`, import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  process.env[PROFILE_FOLDER] = folder;
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await run();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(join(folder, 'suite.cpuprofile'), JSON.stringify(profile));
  for (const file of readdirSync(folder).filter((path) => path.endsWith('.cpuprofile'))) {
    const read = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
    const { busySeconds, functions } = selfTimes(read);
    if (busySeconds < LEAST_SECONDS) {
      rmSync(join(folder, file));
      continue;
    }
    const svg = join(folder, file.replace(/cpuprofile$/, 'svg'));
    writeFileSync(svg, flameGraph(read, `${name}: ${file}`));
    console.log(`\n${svg}\n  ${busySeconds.toFixed(1)} s busy`);
    for (const { name: what, seconds } of functions.slice(0, SHOWN)) {
      console.log(`  ${((seconds / busySeconds) * 100).toFixed(1).padStart(5)} %  ${what}`);
    }
  }
}
