/** What is asked about becomes another file at one certain moment: while a scan tells of its progress. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FileRef } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { findHolders, groupFiles } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import { needsRoot } from '../support/user.ts';

const MOST = 12; // times that a scan of two processes may tell of its progress

const keyOf = ({ pid, fd }: FileRef): string => `${pid}:${fd}`;
const folder = mkdtempSync(join(tmpdir(), 'kcmp-moving-'));
const started: Child[] = [];
const start = async (...args: Parameters<typeof startChild>): Promise<Child> => {
  const child = await startChild(...args);
  started.push(child);
  return child;
};
after(async () => {
  await Promise.all(started.map((child) => child.stop()));
  rmSync(folder, { recursive: true });
});

/** Does something at the n-th progress of a scan; was it that far at all? */
function atProgress(n: number, act: () => void): { onProgress: () => void; wasThere: () => boolean } {
  let times = 0;
  return {
    onProgress() {
      if (++times === n) act();
    },
    wasThere: () => times >= n,
  };
}

const pause = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** What holds still beside it is answered, or not looked at: then this is undefined. */
async function orAgain<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    return undefined;
  }
}

test('a number that is reused for another file has the name and the holders of one of the two', async () => {
  const paths = Array.from({ length: MOST }, (_, i) => join(folder, `before-${i}`));
  const fds = paths.map((path) => openSync(path, 'a'));
  const child = await start({ fds }); // which holds them as fd 4 and up
  const later = join(folder, 'later');
  for (const [i, fd] of fds.entries()) {
    const { onProgress, wasThere } = atProgress(i + 1, () => {
      const other = openSync(later, 'a');
      libc.dup2(other, fd);
      closeSync(other);
    });
    const pids = [process.pid, child.pid];
    const report = await orAgain(() => findHolders({ pid: process.pid, fd }, { pids, onProgress }));
    if (report !== undefined) {
      const { link, holders, sameInode } = report;
      const us = `${process.pid}:${fd}`;
      const answer = [link, holders.map(keyOf).sort(), sameInode.map(keyOf)];
      const truth = [paths[i], [us, `${child.pid}:${4 + i}`].sort(), []];
      assert.deepEqual(answer, link === later ? [later, [us], []] : truth, `at progress ${i + 1}`);
    }
    closeSync(fd);
    if (!wasThere()) break;
  }
});

test('of what is one of two files by turns, in step with the looks, the holders of one are told', async () => {
  const [x, y] = [libc.eventfd(), libc.eventfd()];
  for (const fd of [x, y]) libc.closeOnExec(fd);
  const sleeper = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', x, y] });
  const moving = libc.dup(x);
  const isX = ({ pid, fd }: FileRef): boolean => fd === (pid === process.pid ? x : 3);
  const wrong: string[] = [];
  for (let phase = 0; phase < 18; phase++) {
    let turn = phase;
    const onProgress = (): void => void libc.dup2(Math.floor(turn++ / (1 + (phase % 3))) % 2 === 0 ? x : y, moving);
    const pids = [process.pid, sleeper.pid as number];
    const report = await orAgain(() => findHolders({ pid: process.pid, fd: moving }, { pids, onProgress, parts: [] }));
    const others = report?.holders.filter(({ pid, fd }) => pid !== process.pid || fd !== moving);
    if (others !== undefined && (others.length !== 2 || others.some((one) => isX(one) !== isX(others[0] as FileRef))))
      wrong.push(`phase ${phase}: ${others.map(keyOf).join(' ')}`);
  }
  sleeper.kill('SIGKILL');
  for (const fd of [x, y, moving]) closeSync(fd);
  assert.deepEqual(wrong, []);
});

test('the same beside somebody who has only begun to run, and so may move as well', async () => {
  const wrong: string[] = [];
  for (let time = 0; time < 400; time++) {
    const [x, y] = [libc.eventfd(), libc.eventfd()];
    for (const fd of [x, y]) libc.closeOnExec(fd);
    const sleeper = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', x, y] });
    const moving = libc.dup(x);
    let turn = 0;
    const onProgress = (): void => void libc.dup2(turn++ % 2 === 0 ? x : y, moving);
    const pids = [process.pid, sleeper.pid as number];
    const report = await orAgain(() => findHolders({ pid: process.pid, fd: moving }, { pids, onProgress, parts: [] }));
    const holders = report?.holders.map(keyOf) ?? [];
    const ofX = [`${process.pid}:${x}`, `${sleeper.pid}:3`].filter((key) => holders.includes(key)).length;
    const ofY = [`${process.pid}:${y}`, `${sleeper.pid}:4`].filter((key) => holders.includes(key)).length;
    if (ofX > 0 && ofY > 0) wrong.push(`time ${time}: ${holders.join(' ')}`);
    sleeper.kill('SIGKILL');
    await once(sleeper, 'exit');
    for (const fd of [x, y, moving]) closeSync(fd);
  }
  assert.deepEqual(wrong, []);
});

test('who stands in for what has moved may end in the middle of a look, and nothing beside it is missed', async () => {
  const path = join(folder, 'twice');
  const [x, z] = [openSync(path, 'a'), openSync(path, 'a')];
  const more = Array<number>(300).fill(x); // a look at so many tells how far it is
  const keeper = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', x, ...more, z] });
  const pid = keeper.pid as number;
  const wrong: string[] = [];
  for (let moves = 1; moves <= MOST; moves++) {
    for (let ends = moves; ends <= moves + 4; ends++) {
      const sleeper = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', x] });
      let times = 0;
      const onProgress = (): void => {
        if (++times === moves) keeper.stdin?.write('x'); // which it reads, so that it has run
        if (times === ends) sleeper.kill('SIGKILL');
        if (times === moves || times === ends) pause(2);
      };
      const pids = [sleeper.pid as number, pid]; // so that it is looked at first
      const report = await orAgain(() => findHolders({ pid, fd: 3 }, { pids, onProgress, parts: [] }));
      const isTold = report?.sameInode.some((one) => one.pid === pid && one.fd === 304);
      const isCounted = report?.coverage.skipped.some((one) => one.pid === pid);
      if (isTold === false && !isCounted) wrong.push(`moves at ${moves}, ends at ${ends}`);
      sleeper.kill('SIGKILL');
    }
  }
  keeper.kill('SIGKILL');
  for (const fd of [x, z]) closeSync(fd);
  assert.deepEqual(wrong, []);
});

test('who would stand in for what runs, and runs itself each time that it does, keeps nothing from being told', async () => {
  const x = openSync(join(folder, 'shared'), 'a');
  const cat = (): ReturnType<typeof spawn> => spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', x] });
  const [asked, other] = [cat(), cat()];
  const [pid, pids] = [asked.pid as number, [asked.pid as number, other.pid as number]];
  const untold: string[] = [];
  for (let apart = 1; apart <= MOST; apart++) {
    for (let from = 0; from < apart; from++) {
      let times = 0;
      const onProgress = (): void => {
        asked.stdin?.write('x');
        if (++times % apart === from) other.stdin?.write('x');
        pause(1);
      };
      const report = await orAgain(() => findHolders({ pid, fd: 3 }, { pids, onProgress }));
      if (report?.holders.length !== 2) untold.push(`each ${apart}, from ${from}`);
    }
  }
  for (const child of [asked, other]) child.kill('SIGKILL');
  closeSync(x);
  assert.deepEqual(untold, []);
});

const OVERLAY = ['unshare', '--mount', '--propagation', 'private'];

test('a file that overlayfs copies up meanwhile stays one group', { skip: needsRoot }, async (t) => {
  const child = await start({ wrapper: OVERLAY });
  const outcome = await child.run(
    async ({ fs, libc, door, childProcess }, folder: string, most: number) => {
      const base = fs.mkdtempSync(`${folder}/overlay-`);
      const at = (name: string): string => `${base}/${name}`;
      for (const name of ['lower', 'upper', 'mounted']) fs.mkdirSync(at(name));
      for (let i = 0; i < most; i++) {
        fs.writeFileSync(at(`lower/${i}`), 'x');
        fs.linkSync(at(`lower/${i}`), at(`lower/link-${i}`)); // only what has two names gets another inode
      }
      libc.mount('none', at('upper'), 'tmpfs', 0, '');
      for (const name of ['upper/data', 'upper/work']) fs.mkdirSync(at(name));
      const options = `lowerdir=${at('lower')},upperdir=${at('upper/data')},workdir=${at('upper/work')}`;
      try {
        libc.mount('none', at('mounted'), 'overlay', 0, options);
      } catch (error) {
        return `${error}`;
      }
      const fds = Array.from({ length: most }, (_, i) => fs.openSync(at(`mounted/${i}`), 'r'));
      const sleepers = [0, 1].map((shift) =>
        childProcess.spawn('sleep', ['1000'], {
          stdio: ['ignore', 'ignore', 'ignore', ...Array(shift).fill('ignore'), ...fds],
        }),
      );
      const pids = sleepers.map(({ pid }) => pid as number);
      const wrong: string[] = [];
      for (let i = 0; i < most; i++) {
        let times = 0;
        const onProgress = (): void => {
          if (++times === i + 1) fs.appendFileSync(at(`mounted/${i}`), 'y');
        };
        const { groups, coverage } = await door.groupFiles({ pids, onProgress });
        const isWhole = groups.some(({ holders }) =>
          pids.every((pid, shift) => holders.some((ref) => ref.pid === pid && ref.fd === 3 + shift + i)),
        );
        if (!isWhole && !coverage.skipped.some(({ code }) => code === 'EAGAIN')) wrong.push(`at progress ${i + 1}`);
        if (times <= i) break;
      }
      for (const sleeper of sleepers) sleeper.kill('SIGKILL');
      return wrong;
    },
    folder,
    MOST,
  );
  if (typeof outcome === 'string') return t.skip(outcome);
  assert.deepEqual(outcome, []);
});

test('a file that is named like a memfd is none', { skip: needsRoot }, async () => {
  const path = `/memfd:kcmp-${process.pid}`;
  const fd = openSync(path, 'wx+');
  unlinkSync(path);
  const memfd = libc.memfd(`kcmp-${process.pid}`);
  try {
    const [file, memory] = await Promise.all(
      [fd, memfd].map((fd) => findHolders({ pid: process.pid, fd }, { pids: [process.pid] })),
    );
    assert.equal(file?.link, memory?.link);
    assert.deepEqual([file?.kind, memory?.kind], ['regular', 'memfd']);
    const { groups } = await groupFiles({ pids: [process.pid], minHolders: 1 });
    const kindOf = (fd: number): string | undefined => groups.find(({ holders }) => holders[0]?.fd === fd)?.kind;
    assert.deepEqual([kindOf(fd), kindOf(memfd)], ['regular', 'memfd']);
  } finally {
    closeSync(fd);
    closeSync(memfd);
  }
});
