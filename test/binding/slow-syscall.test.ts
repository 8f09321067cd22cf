/** syscall: when koffi is loaded, and that errno, threads and memory stay right under load. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startChild, type Child } from '../support/child.ts';
import { countWrong } from '../support/errno-load.ts';
import { load } from '../support/load.ts';
import { ENTRY, runScript } from '../support/script.ts';
import { startWorker } from '../support/worker.ts';

test('importing the package loads nothing native, and the first call does', () => {
  const states = runScript(`
    import { readFileSync } from 'node:fs';
    const isLoaded = () => readFileSync('/proc/self/maps', 'utf8').includes('koffi');
    const isShared = () => process.report.getReport().sharedObjects.some((path) => path.includes('koffi'));
    const kcmp = await import(${JSON.stringify(ENTRY)});
    const imported = [isLoaded(), isShared()];
    kcmp.packEpollSlot({ efd: 1, tfd: 1 });
    try { kcmp.kcmp('1', 1, 1); } catch {}
    const refused = isLoaded();
    kcmp.kcmp(process.pid, process.pid, kcmp.KCMP_VM);
    console.log(JSON.stringify({ imported, refused, called: [isLoaded(), isShared()] }));
  `);
  assert.deepEqual(states, { imported: [false, false], refused: false, called: [true, true] });
});

describe('errno, and the memory of the slot', () => {
  const LOAD = new URL('../support/errno-load.ts', import.meta.url).href;

  test('are right in the main thread and in four workers at once, among other calls that fail', async () => {
    const ROUNDS = load(4000);
    const workers = [1, 2, 3, 4].map((seed) => startWorker(LOAD, { seed, rounds: ROUNDS }));
    const counted = Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as unknown));
    const here = countWrong(0, ROUNDS);
    assert.deepEqual([here, ...(await counted)], new Array(5).fill({ wrong: [], asked: ROUNDS }));
  });

  test('are right while the heap is collected and compacted all the time', () => {
    const rounds = load(10_000);
    const counted = runScript(
      `
      import { setFlagsFromString } from 'node:v8';
      const { countWrong } = await import(${JSON.stringify(LOAD)});
      for (const flag of ['--gc-global', '--stress-compaction']) setFlagsFromString(flag);
      console.log(JSON.stringify(countWrong(0, ${rounds})));
    `,
      '--max-semi-space-size=1',
    );
    assert.deepEqual(counted, { wrong: [], asked: rounds });
  });
});

describe('a million calls', () => {
  let child: Child;
  before(async () => {
    child = await startChild();
  });
  after(() => child.stop());

  /** How many bytes of heap and of other memory a million calls leave behind. */
  const leaves = (
    kind: 'kcmp' | 'sameFile' | 'isEpollTarget' | 'compareTasks',
  ): Promise<{ heap: number; external: number }> =>
    child.run(
      ({ kcmp, libc }, kind, calls) => {
        const { pid } = process;
        const a = { pid, fd: 1 };
        const watched = libc.eventfd();
        const efd = libc.epollCreate();
        libc.epollCtl(efd, libc.EPOLL_CTL_ADD, watched);
        const target = { pid, efd, tfd: watched };
        const file = { pid, fd: watched };
        const kinds = {
          kcmp: () => kcmp.kcmp(pid, pid, 0, 1, 1),
          sameFile: () => kcmp.sameFile(a, a),
          isEpollTarget: () => kcmp.isEpollTarget(file, target),
          compareTasks: () => kcmp.compareTasks(pid, pid, 'vm'),
        };
        const call = kinds[kind];
        const used = (): { heap: number; external: number } => {
          for (let i = 0; i < 3; i++) globalThis.gc?.();
          const { heapUsed, external } = process.memoryUsage();
          return { heap: heapUsed, external };
        };
        for (let i = 0; i < calls / 20; i++) call();
        const before = used();
        for (let i = 0; i < calls; i++) call();
        const after = used();
        libc.close(efd);
        libc.close(watched);
        return { heap: after.heap - before.heap, external: after.external - before.external };
      },
      kind,
      load(1_000_000),
    );

  // Compiled code and feedback come and go: some kilobytes, where one leaked word a call would be eight megabytes.
  const NOTHING = 200_000;
  for (const kind of ['kcmp', 'sameFile', 'isEpollTarget', 'compareTasks'] as const) {
    test(`of ${kind} leave nothing behind`, async () => {
      const { heap, external } = await leaves(kind);
      assert.ok(heap < NOTHING, `the heap grew by ${heap} bytes`);
      assert.ok(external < NOTHING, `external memory grew by ${external} bytes`);
    });
  }
});
