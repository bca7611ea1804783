/** Works in a process of their own, one after the other: `endings.ts NAME…`. Prints what became of each. */
import { setTimeout } from 'node:timers/promises';
import { guarded } from '../../benchmarks/guarded.ts';

const never = () => new Promise<never>(() => {});

const works: Readonly<Record<string, () => Promise<string>>> = {
  done: async () => 'done',
  rejected: () => Promise.reject(new Error('by itself')),
  unheard: async () => {
    void Promise.reject(new Error('unheard'));
    return never();
  },
  thrown: async () => {
    setImmediate(() => {
      throw new Error('thrown');
    });
    return never();
  },
  waiting: never,
  late: async () => {
    void setTimeout(100).then(() => {
      throw new Error('late');
    });
    throw new Error('early');
  },
};

for (const name of process.argv.slice(2)) {
  const result = await guarded(works[name]!, (error) => console.log((error as Error).message));
  console.log(`${name}: ${result}`);
}
