/**
 * Scans over a storm: processes that come and go (where the kernel allows it, in a pid namespace so small that
 * their numbers are soon used again), descriptors and epoll targets that change all the time, and among them a few
 * facts that hold from beginning to end. KCMP_SOAK_SECONDS makes it longer.
 */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { startChild } from '../support/child.ts';
import type * as factory from '../support/child.ts';
import { isRoot, works } from '../support/user.ts';

const SECONDS = Number(process.env['KCMP_SOAK_SECONDS'] ?? 8);
const FACTORY = new URL('../support/child.ts', import.meta.url).href;
/** pid_max belongs to the pid namespace since Linux 6.14; before, writing it would change the whole machine's. */
const [major = 0, minor = 0] = spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.split('.').map(Number);
const SMALL = [
  'unshare',
  '--pid',
  '--mount-proc',
  '--fork',
  '--kill-child',
  'sh',
  '-c',
  'echo 400 > /proc/sys/kernel/pid_max && exec "$@"',
  'sh',
];
const namespaced = isRoot && (major > 6 || (major === 6 && minor >= 14)) && works(SMALL);

test('nothing false is reported while everything changes, and neither memory nor descriptors are lost', async (t) => {
  if (!namespaced) t.diagnostic('pids are not reused: that needs root and Linux 6.14');
  await using observer = await startChild({ wrapper: namespaced ? SMALL : [] });
  const result = await observer.run(
    async ({ door, fs }, source: string, seconds: number) => {
      const { startChild } = (await import(source)) as typeof factory;
      const storm = await startChild();
      const facts = await storm.run(async ({ childProcess, libc }) => {
        // First the processes, and only then the descriptors, so that no passing child of theirs holds one.
        for (let i = 0; i < 2; i++)
          childProcess.spawn('sh', ['-c', 'while :; do /bin/true; (:); done'], { stdio: 'ignore' });
        await new Promise((resolve) => setTimeout(resolve, 200));
        const keep = libc.closeOnExec;
        const kept = keep(libc.eventfd());
        const copy = keep(libc.dup(kept));
        const [other, third, number] = [libc.eventfd(), libc.eventfd(), libc.dup(kept)].map(keep) as [
          number,
          number,
          number,
        ];
        const efd = keep(libc.epollCreate());
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, number);
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, other);
        libc.dup2(other, number);
        keep(number);
        const sleeper = childProcess.spawn('sleep', ['100000'], { stdio: [kept, 'ignore', 'ignore'] });
        await new Promise((resolve) => sleeper.once('spawn', resolve));
        const junk: number[] = [];
        let turn = 0;
        const churn = (): void => {
          for (let i = 0; i < 40; i++, turn++) {
            // This number is always open, and never again what it was registered as.
            libc.dup2(turn % 2 === 0 ? third : other, number);
            const fd = junk.length > 40 || turn % 3 === 0 ? junk.splice(turn % (junk.length || 1), 1)[0] : undefined;
            if (fd !== undefined) libc.close(fd);
            const born =
              turn % 5 === 0 && junk.length > 0
                ? libc.dup(junk[0] as number)
                : turn % 7 === 0
                  ? libc.epollCreate()
                  : libc.eventfd();
            junk.push(born);
            try {
              libc.epollCtl(efd, libc.EPOLL_CTL_ADD, born);
            } catch {
              // There already, by a duplicate; or epoll instances that would watch each other.
            }
          }
          setTimeout(churn, 1);
        };
        churn();
        return { pid: process.pid, kept, copy, other, third, number, efd, sleeper: sleeper.pid as number };
      });
      const { pid, kept, copy, other, number, efd, sleeper } = facts;
      const name = ({ pid, fd }: { pid: number; fd: number }): string => `${pid}:${fd}`;
      const truth = [`${pid}:${kept}`, `${pid}:${copy}`, `${sleeper}:0`];
      const wrong: string[] = [];
      const expect = (what: string, said: string, wanted: string): void => {
        if (said !== wanted) wrong.push(`${what}: ${said} instead of ${wanted}`);
      };
      /** All holders and nobody else, but for those that the coverage owns up to. */
      const judge = (
        what: string,
        refs: Iterable<{ pid: number; fd: number }>,
        skipped: Array<{ pid: number }>,
      ): void => {
        const said = [...refs].map(name);
        const missed = truth.filter((ref) => !said.includes(ref));
        const untold = missed.filter((ref) => !skipped.some((skip) => ref.startsWith(`${skip.pid}:`)));
        if (untold.length > 0 || said.some((ref) => !truth.includes(ref)))
          wrong.push(`${what}: ${said} instead of ${truth}`);
        else if (missed.length > 0) counts.missed++;
      };
      const born = (): number => Number(/^processes (\d+)/m.exec(fs.readFileSync('/proc/stat', 'utf8'))?.[1]);
      const running = (): number => fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).length;
      const counts = { scans: 0, missed: 0, descriptors: 0, skipped: 0, unstable: 0, born: 0, died: 0 };
      const scanAll = async (): Promise<void> => {
        const { groups, coverage } = await door.groupFiles();
        judge(
          'groupFiles',
          groups
            .filter(({ holders }) => holders.some((ref) => name(ref) === `${pid}:${kept}`))
            .flatMap(({ holders }) => holders),
          coverage.skipped,
        );
        const who = await door.findHolders({ pid, fd: kept });
        judge('findHolders', who.holders, who.coverage.skipped);
        const report = await door.resolveEpoll(pid, efd);
        const item = report.targets.find(({ data }) => data === BigInt(number));
        expect('the number used again', `${item?.status} ${item?.numberReused}`, 'renumbered true');
        judge('its holders', item?.holders ?? [], report.coverage.skipped);
        const live = report.targets.find(({ data }) => data === BigInt(other));
        expect('the target that is live', `${live?.status}`, 'live');
        expect(
          'its holders',
          `${live?.holders.some((ref) => ref.fd === kept || ref.fd === copy || ref.pid !== pid)}`,
          'false',
        );
        counts.scans += 3;
        counts.descriptors += coverage.descriptors + report.coverage.descriptors;
        counts.skipped += coverage.skipped.length;
        if (!report.stable) counts.unstable++;
      };
      const memory = (): number => (globalThis.gc?.(), globalThis.gc?.(), process.memoryUsage().heapUsed);
      const own = (): number => fs.readdirSync('/proc/self/fd').length;
      const end = Date.now() + seconds * 1000;
      let heap = 0;
      const [bornBefore, runningBefore] = [born(), running()];
      for (let round = 0; round < 30 || Date.now() < end; round++) {
        await scanAll();
        if (round === 20) heap = memory();
        // Lets this process hear of its own children, too.
        await new Promise((resolve) => setImmediate(resolve));
        if (wrong.length > 20) break;
      }
      const grown = memory() - heap;
      const before = own();
      for (let i = 0; i < 10; i++) await scanAll();
      const lost = own() - before;
      counts.born = born() - bornBefore;
      counts.died = counts.born - (running() - runningBefore);
      for (const child of fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')) {
        if (child === '') continue;
        process.kill(Number(child), 'SIGKILL');
      }
      await storm.stop();
      return { wrong, counts, grown, lost };
    },
    FACTORY,
    SECONDS,
  );
  t.diagnostic(
    `${JSON.stringify(result.counts)}; pids reused: ${namespaced}; heap ${(result.grown / 1e6).toFixed(2)} MB`,
  );
  assert.deepEqual(result.wrong, []);
  assert.equal(result.lost, 0);
  assert.ok(result.grown < 8e6, `the heap grew by ${result.grown} bytes`);
});
