/**
 * The main facts as one plain script, for runtimes without a runner for node:test: node:assert and the public names
 * are all that it uses. `facts.ts [import | require | worker]` says how the package is reached; the last line counts.
 * Where a runtime may not start processes, the facts about a child are left out, and counted.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker } from 'node:worker_threads';
import type * as Kcmp from '../../src/index.ts';
import type { FileRef } from '../../src/index.ts';
import type * as Promises from '../../src/promises.ts';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const ENTRY = new URL(`../../src/index.${EXTENSION}`, import.meta.url);
const PROMISES = new URL(`../../src/promises.${EXTENSION}`, import.meta.url);
const SELF = fileURLToPath(import.meta.url);
const { pid } = process;

type Fact = [title: string, holds: () => void | Promise<void>];

/** Facts about this process alone. */
function ownFacts(kcmp: typeof Kcmp, files: { first: number; second: number; closed: number }): Fact[] {
  const { first, second, closed } = files;
  return [
    [
      'a descriptor is the same file as itself',
      () => assert.equal(kcmp.sameFile({ pid, fd: first }, { pid, fd: first }), true),
    ],
    [
      'a second open is another file',
      () => assert.equal(kcmp.sameFile({ pid, fd: first }, { pid, fd: second }), false),
    ],
    [
      'the order of two files is reversed when they are',
      () => {
        const order = kcmp.compareFiles({ pid, fd: first }, { pid, fd: second });
        assert.equal(kcmp.compareFiles({ pid, fd: second }, { pid, fd: first }), -order);
      },
    ],
    [
      'the call itself answers 1 or 2 for two files',
      () => assert.ok([1, 2].includes(kcmp.kcmp(pid, pid, kcmp.KCMP_FILE, first, second))),
    ],
    [
      'a closed descriptor is EBADF, with its number in the message',
      () =>
        assert.throws(
          () => kcmp.sameFile({ pid, fd: first }, { pid, fd: closed }),
          (error) =>
            error instanceof kcmp.KcmpError &&
            error.code === 'EBADF' &&
            error.syscall === 'kcmp' &&
            error.message.includes(String(closed)),
        ),
    ],
    [
      'a pid that is text is a TypeError',
      () =>
        assert.throws(() => kcmp.compareTasks('1' as unknown as number, pid, 'vm'), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        }),
    ],
    [
      'a descriptor beyond 32 bits is a RangeError',
      () =>
        assert.throws(() => kcmp.sameFile({ pid, fd: 2 ** 32 + first }, { pid, fd: first }), {
          name: 'RangeError',
          code: 'ERR_OUT_OF_RANGE',
        }),
    ],
    ['a process shares its address space with itself', () => assert.equal(kcmp.compareTasks(pid, pid, 'vm'), 0)],
    [
      'a slot is 12 bytes that unpack to what was packed',
      () => {
        const slot = { efd: 1, tfd: 2 ** 32 - 1, toff: 3 };
        assert.equal(kcmp.packEpollSlot(slot).length, 12);
        assert.deepEqual(kcmp.unpackEpollSlot(kcmp.packEpollSlot(slot)), slot);
      },
    ],
    [
      'probe says that the call is available, epoll targets included',
      () => {
        const { status, reason, epollTargets } = kcmp.probe();
        assert.deepEqual({ status, epollTargets }, { status: 'available', epollTargets: true }, reason);
      },
    ],
    [
      'the descriptor of a stream of this process is known, which that of a worker has not, but in Deno',
      () => {
        const ask = (): FileRef => kcmp.fileOf(process.stdin);
        if (isMainThread || 'deno' in process.versions) assert.deepEqual(ask(), { pid, fd: 0 });
        else assert.throws(ask, { code: 'ERR_NO_DESCRIPTOR' });
      },
    ],
    [
      'two descriptors are told apart by identifyFiles',
      () => assert.equal(kcmp.identifyFiles({ pid, fd: first }, { pid, fd: second }).relation, 'different'),
    ],
  ];
}

/** Facts that /proc tells. */
function procFacts(kcmp: typeof Kcmp, promises: typeof Promises, first: number): Fact[] {
  return [
    [
      'kcmp/promises answers the same, until it is aborted',
      async () => {
        const ask = { pids: [pid], minHolders: 1 };
        const { signal } = new AbortController();
        const found = [(await promises.groupFiles({ ...ask, signal })).groups, kcmp.groupFiles(ask).groups];
        const [later, now] = found.map((groups) =>
          groups.find(({ holders }) => holders.some(({ fd }) => fd === first)),
        );
        assert.deepEqual({ ...later, id: now?.id }, now);
        await assert.rejects(promises.groupFiles({ ...ask, signal: AbortSignal.abort() }), { code: 'ABORT_ERR' });
      },
    ],
    [
      'the event loop is an epoll instance with live targets, and kcmp agrees',
      () => {
        const reports = kcmp.listEpolls(pid).map((efd) => kcmp.resolveEpoll(pid, efd, { pids: [pid] }));
        const found = reports
          .flatMap(({ efd, targets }) => targets.map((target) => ({ efd, ...target })))
          .find(({ status }) => status === 'live');
        assert.ok(
          found,
          `no live target in ${JSON.stringify(reports, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`,
        );
        const { efd, tfd, toff } = found;
        assert.equal(kcmp.isEpollTarget({ pid, fd: tfd }, { pid, efd, tfd, toff }), true);
        assert.equal(kcmp.isEpollTarget({ pid, fd: first }, { pid, efd, tfd, toff }), false);
        assert.throws(() => kcmp.isEpollTarget({ pid, fd: first }, { pid, efd, tfd: 2 ** 32 - 1 }), { code: 'ENOENT' });
      },
    ],
  ];
}

/** Facts about a child that has `first` as its descriptor 3. */
function childFacts(kcmp: typeof Kcmp, child: number, first: number): Fact[] {
  const here = { pid, fd: first };
  const there = { pid: child, fd: 3 };
  return [
    ['a file that a child inherited is the same file', () => assert.equal(kcmp.sameFile(here, there), true)],
    ['a child has an address space of its own', () => assert.notEqual(kcmp.compareTasks(pid, child, 'vm'), 0)],
    [
      'both holders are found',
      () => {
        const holders = kcmp.findHolders(here, { pids: [pid, child] }).holders.map(({ pid, fd }) => ({ pid, fd }));
        assert.ok(
          [here, there].every((ref) => holders.some((holder) => holder.pid === ref.pid && holder.fd === ref.fd)),
        );
      },
    ],
    [
      'the file makes a group of both processes',
      () => {
        const { groups } = kcmp.groupFiles({ pids: [pid, child] });
        assert.ok(
          groups.some(({ holders }) =>
            [here, there].every((ref) => holders.some((h) => h.pid === ref.pid && h.fd === ref.fd)),
          ),
        );
      },
    ],
    [
      'the file is inherited, and an assertion can refuse that',
      () => {
        assert.ok(kcmp.findInherited(child, { from: pid }).inherited.some(({ fd }) => fd === 3));
        assert.throws(() => kcmp.assertNoInherited(child, { from: pid }), { code: 'ERR_ASSERTION' });
      },
    ],
    [
      'descriptor tables of parent and child are separate',
      () => assert.equal(kcmp.taskSharing([pid, child]).resources.files[0]?.verdict, 'separate'),
    ],
    [
      'probe can ask in a child process',
      () => {
        const { status, reason } = kcmp.probe({ isolated: true });
        assert.equal(status, 'available', reason);
      },
    ],
  ];
}

/** Deno lets nobody read /proc who is not allowed everything. */
function mayReadProc(): boolean {
  try {
    return readlinkSync('/proc/self') !== '';
  } catch {
    return false;
  }
}

/** A child with `fd` as its descriptor 3, or nothing where no process may be started. */
function startChild(fd: number): ChildProcess | undefined {
  try {
    const child = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.on('error', () => {}); // Deno may throw nothing, and has no pid to tell
    return child.pid === undefined ? undefined : child;
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ACCESS_DENIED' || name === 'NotCapable') return undefined;
    throw error;
  }
}

async function check(kcmp: typeof Kcmp, promises: typeof Promises): Promise<void> {
  const files = { first: openSync(SELF, 'r'), second: openSync(SELF, 'r'), closed: openSync(SELF, 'r') };
  closeSync(files.closed);
  files.closed += 1000;
  await new Promise((resolve) => setTimeout(resolve, 10)); // the event loop has run
  const child = startChild(files.first);
  const groups: Array<[possible: boolean, facts: Fact[]]> = [
    [true, ownFacts(kcmp, files)],
    [mayReadProc(), procFacts(kcmp, promises, files.first)],
    [child !== undefined, childFacts(kcmp, child?.pid ?? 0, files.first)],
  ];
  const ofGroups = (possible: boolean): Fact[] =>
    groups.filter((group) => group[0] === possible).flatMap((group) => group[1]);
  const facts = ofGroups(true);
  let failed = 0;
  for (const [title, holds] of facts) {
    try {
      await holds();
      console.log(`ok - ${title}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok - ${title}\n${String((error as Error).stack ?? error)}`);
    }
  }
  child?.kill();
  console.log(`${facts.length - failed} facts hold, ${failed} fail, ${ofGroups(false).length} left out`);
  if (failed > 0) process.exitCode = 1;
}

const way = process.argv[2] ?? 'import';
if (way === 'worker' && isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { argv: ['worker'] });
  worker.on('error', (error) => {
    throw error;
  });
  worker.on('exit', (code) => {
    process.exitCode = code;
  });
} else if (way === 'require') {
  const load = (entry: URL): unknown => createRequire(import.meta.url)(fileURLToPath(entry));
  await check(load(ENTRY) as typeof Kcmp, load(PROMISES) as typeof Promises);
} else {
  await check((await import(ENTRY.href)) as typeof Kcmp, (await import(PROMISES.href)) as typeof Promises);
}
