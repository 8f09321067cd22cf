/** Threads of the kernel and zombies have no descriptors, so that whoever may not look at them has missed nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { tellPartial } from '../../src/cli/output/coverage.ts';
import type { Coverage, Skipped } from '../../src/index.ts';
import { countOpen } from '../../src/procfs/raw/fd-listing.ts';
import { hasEnded, PF_KTHREAD, readStat } from '../../src/procfs/stat.ts';
import { askedOnce } from '../../src/scan/rest.ts';
import { scan } from '../../src/scan/tables.ts';
import { drain } from '../../src/util/drain.ts';
import { type Child, startChild } from '../support/child.ts';
import '../support/leash.ts';
import { until } from '../support/until.ts';
import { ORDINARY } from '../support/user.ts';

function isKernelThread(pid: number): boolean {
  const stat = readStat(pid);
  return typeof stat !== 'string' && (stat.flags & PF_KTHREAD) !== 0;
}

/** kthreadd, where the kernel's threads are in sight. */
const KTHREADD = 2;
const notInSight = !isKernelThread(KTHREADD) && 'no thread of the kernel is in sight';

/** What an observer sees of himself and of a process that has nothing open. */
const coverageBeside = (observer: Child, pid: number): Promise<Pick<Coverage, 'processes' | 'skipped'>> =>
  observer.run(async ({ fs, door }, pid) => {
    const fd = fs.openSync('/dev/null', 'r');
    const { coverage } = await door.findHolders({ pid: process.pid, fd }, { pids: [process.pid, pid] });
    return { processes: coverage.processes, skipped: coverage.skipped };
  }, pid);

test('an ordinary user has seen all of a kernel thread, and of this process nothing', {
  skip: notInSight,
}, async () => {
  await using observer = await startChild(ORDINARY);
  assert.equal(isKernelThread(observer.pid), false);
  assert.deepEqual(await coverageBeside(observer, KTHREADD), { processes: 2, skipped: [] });
});

test('an ordinary user has seen all of a zombie', async () => {
  const parent = spawn('sh', ['-c', 'sleep 300 & echo $!; exec sleep 300'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const zombie = Number(await once(createInterface({ input: parent.stdout }), 'line'));
    // A shell would wait for it.
    await until('the shell is something else', () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
    process.kill(zombie);
    await until('it is a zombie', () => hasEnded(zombie));
    await using observer = await startChild(ORDINARY);
    assert.deepEqual(await coverageBeside(observer, zombie), { processes: 2, skipped: [] });
  } finally {
    parent.kill();
  }
});

test('of whom it is not known whether he ran it is not said that he did not, though his table is empty and still', {
  skip: notInSight || (countOpen(process.pid) === 0 && 'this kernel does not count descriptors'),
}, async () => {
  const seen = drain(scan([KTHREADD], undefined));
  const [table] = seen.tables;
  assert.deepEqual([table?.fds, table && seen.isStill(table)], [[], true]);
  assert.equal(askedOnce()(KTHREADD, table?.rest), false);
});

test('what was skipped is told by reason, in one line', () => {
  const skip = (pid: number, reason: string, unit: Skipped['unit'] = 'process', count = 1): Skipped => ({
    pid,
    code: 'EACCES',
    count,
    unit,
    reason,
  });
  const told = (...skipped: Skipped[]): string => {
    let text = '';
    const io = { out: () => {}, err: (line: string) => void (text += line), errIsTerminal: () => false, now: () => 0 };
    tellPartial(io, { processes: 1, tasks: 1, descriptors: 1, skipped });
    return text;
  };
  const users = [1, 7, 8, 9].map((pid) => skip(pid, `another user's (uid ${pid})`));
  assert.equal(
    told(
      ...users,
      skip(5, 'not dumpable'),
      skip(6, 'changed all the while', 'descriptor', 3),
      skip(6, 'changed all the while', 'task'),
    ),
    "kcmp: not everything could be seen, skipped 4 processes (pid 1, 7, 8 and 1 more): another user's (EACCES); " +
      '1 process (pid 5): not dumpable (EACCES); 1 task and 3 descriptors (pid 6): changed all the while (EACCES); ' +
      `${process.getuid?.() === 0 ? 'CAP_SYS_PTRACE would show them' : 'root sees them'}\n`,
  );
  assert.equal(
    told(...['a', 'b', 'c', 'd', 'e'].map((reason) => skip(5, reason))),
    'kcmp: not everything could be seen, skipped 1 process (pid 5): a (EACCES); 1 process (pid 5): b (EACCES); 1 process (pid 5): c (EACCES); 2 more reasons\n',
  );
  assert.equal(told({ ...skip(5, 'ended meanwhile'), code: 'ESRCH' }), '');
});

test('who has ended has nothing more that could move', async () => {
  const child = await startChild();
  const seen = drain(scan([child.pid]));
  const [table] = seen.tables;
  assert.ok(table !== undefined && table.fds.length > 0);
  await child.stop();
  drain(seen.readAgain(table));
  assert.deepEqual([table.fds, seen.isStill(table)], [[], true]);
});
