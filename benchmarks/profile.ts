/**
 * Where the time goes: CPU profiles of a suite's own process and of every process that it starts, threads too, each with a flame
 * graph beside it. They are named by what they are of: `server-main`, `server-thread-2`, `suite-main`. Profiles open in the
 * developer tools of a browser; flame graphs in any.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CpuProfile, flameGraph, selfTimes } from './flame-graph.ts';
import { profileInto, threadOf } from './node-child.ts';

const SHOWN = 15;
/** A thread that did less is left out. */
const LEAST_SECONDS = 0.5;
const ENDING = '.cpuprofile';

export async function profiled(name: string, run: () => Promise<unknown>): Promise<void> {
  const folder = fileURLToPath(new URL(`./results/profile-${name}/`, import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  profileInto(folder);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await run();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(join(folder, `suite-main${ENDING}`), JSON.stringify(profile));
  nameByRole(folder);
  for (const file of readdirSync(folder).sort()) show(folder, file.slice(0, -ENDING.length), name);
}

function nameByRole(folder: string): void {
  for (const file of readdirSync(folder)) {
    const thread = threadOf(file);
    if (thread !== undefined) renameSync(join(folder, file), join(folder, `${thread}${ENDING}`));
  }
}

/** Prints what took longest and draws the rest. @param of whom the profile is */
function show(folder: string, of: string, suite: string): void {
  const file = join(folder, `${of}${ENDING}`);
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const { busySeconds, functions } = selfTimes(profile);
  if (busySeconds < LEAST_SECONDS) {
    rmSync(file);
    console.log(`\n${of}: ${busySeconds.toFixed(1)} s busy, left out`);
    return;
  }
  const svg = join(folder, `${of}.svg`);
  writeFileSync(svg, flameGraph(profile, `${suite}: ${of}`));
  console.log(`\n${of}: ${busySeconds.toFixed(1)} s busy\n  ${svg}`);
  for (const { name, seconds } of functions.slice(0, SHOWN)) {
    console.log(`  ${((seconds / busySeconds) * 100).toFixed(1).padStart(5)} %  ${name}`);
  }
}
