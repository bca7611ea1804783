/**
 * The processor time that something takes, all threads of this process together: a busy machine stretches the clock, and this
 * hardly.
 */

/** Gives a function that says how many milliseconds it has been. */
export function processorTimer(): () => number {
  const begun = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
}
