/** What Linux tells of a process that runs: proc(5). */
import { readFileSync } from 'node:fs';

/** Resident memory of a process now, and the most so far, in MB. @throws it does not run, or this is not Linux */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status);
    // One that has ended, and that nobody has waited for yet, has no memory any more.
    if (!found) throw new Error(`process ${pid} has no ${field}`);
    return Number(found[1]) / 1024;
  };
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

/** Processor seconds that all its threads have used so far. @throws it does not run, or this is not Linux */
export function processorSeconds(pid: number): number {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // User and system time are fields 14 and 15, in ticks of 10 ms. The name of the process, in parentheses, may have spaces.
  const [user, system] = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** The same of this process, where ticks of 10 ms would be too coarse. */
export function ownProcessorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
