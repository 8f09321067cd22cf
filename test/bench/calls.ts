/** One call of the package against one call in a C loop, in the same process. */
import { closeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as libc from '../support/libc.ts';
import type { Build } from './build.ts';
import { compare, NO_COMPILER, type Row, type Suite } from './row.ts';
import { mixScene } from './scenes.ts';

const CALLS = 20_000;
const ROUNDS = 60;

export const calls = ({ library, references }: Build): Suite => ({
  rows: ['call.kcmp', 'call.sameFile', 'call.isEpollTarget', 'call.heap'],
  async *run(wanted): AsyncGenerator<Row> {
    const { kcmp, sameFile, isEpollTarget, KCMP_FILE } = library;
    const scene = await mixScene('mixed', 2, 20);
    const [pid1 = 0, pid2 = 0] = scene.pids;
    const file = { name: 'kcmp()', perRun: CALLS, kcmpCalls: 1, procReads: 0 };
    const common = { rounds: ROUNDS, warmup: 10, scene: 'descriptors of two other processes' };
    const cLoop = { ...file, name: 'C loop', run: () => references?.loopFile(CALLS, pid1, pid2, 5, 7) };
    const missing = references === undefined ? { against: [], leftOut: NO_COMPILER } : { against: [cLoop] };
    const limit = 1.22;
    if (wanted('call.kcmp')) {
      const run = (): void => {
        for (let i = 0; i < CALLS; i++) kcmp(pid1, pid2, KCMP_FILE, 5, 7);
      };
      yield compare({ ...common, ...missing, name: 'call.kcmp', ours: { ...file, run }, limit });
    }
    const a = { pid: pid1, fd: 5 };
    const b = { pid: pid2, fd: 7 };
    if (wanted('call.sameFile')) {
      const run = (): void => {
        for (let i = 0; i < CALLS; i++) sameFile(a, b);
      };
      yield compare({
        ...common,
        ...missing,
        name: 'call.sameFile',
        ours: { ...file, name: 'sameFile()', run },
        limit,
      });
    }
    if (wanted('call.isEpollTarget')) {
      const { pid } = process;
      const efd = libc.epollCreate();
      const fd = libc.eventfd();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      const own = { pid, fd };
      const target = { pid, efd, tfd: fd };
      const run = (): void => {
        for (let i = 0; i < CALLS; i++) isEpollTarget(own, target);
      };
      const loop = { ...cLoop, run: () => references?.loopEpollTarget(CALLS, pid, pid, fd, efd, fd, 0) };
      yield compare({
        ...common,
        ...missing,
        ...(references === undefined ? {} : { against: [loop] }),
        name: 'call.isEpollTarget',
        scene: 'an epoll instance with one target',
        ours: { ...file, name: 'isEpollTarget()', run },
        limit: 1.25,
      });
      closeSync(fd);
      closeSync(efd);
    }
    if (wanted('call.heap')) {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const heapAfterCalls = (): number => {
        for (let i = 0; i < 1e6; i++) sameFile(a, b);
        collect();
        return process.memoryUsage().heapUsed;
      };
      heapAfterCalls();
      const before = heapAfterCalls();
      const value = heapAfterCalls() - before;
      yield { name: 'call.heap', scene: 'heap added by a million calls', figure: { value: value / 1024, unit: 'KiB' } };
    }
    await scene.stop();
  },
});
