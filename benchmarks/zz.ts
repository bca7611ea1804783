import { enrol, LoadStream, statement } from './load.ts';
import { startBenchServer } from './server.ts';

const dir = '/tmp/growdata';
const N = Number(process.argv[2]);
const server = await startBenchServer(dir);
const stream = new LoadStream(server.grpc);
const m = await enrol(stream, dir, server.origin);
const st = Array.from({ length: N }, (_, i) => statement(m, i));
console.log('signed');
let next = 0;
const t = performance.now();
await Promise.all(
  Array.from({ length: 8 }, async () => {
    while (next < N) {
      const f = next;
      next += 64;
      await stream.send(st.slice(f, f + 64));
    }
  }),
);
console.log(N / ((performance.now() - t) / 1000), '/s', server.memory());
stream.close();
const { readFileSync, readdirSync } = await import('node:fs');
const { execSync } = await import('node:child_process');
const pid = execSync('pgrep -f growdata | head -1').toString().trim();
console.log(
  execSync(
    `cat /proc/${pid}/status | grep -E "Rss|VmHWM"; awk '/^[0-9a-f]+-/{n=$6} /^Rss:/{r[n]+=$2} END{for(k in r) if(r[k]>3000) print r[k], k}' /proc/${pid}/smaps | sort -rn | head -20`,
  ).toString(),
);
await server.stop();
