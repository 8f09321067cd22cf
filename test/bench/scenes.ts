/** Scenes made of real processes that hold real descriptors and then do nothing. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { startChild, type Child } from '../support/child.ts';
import * as libc from '../support/libc.ts';

export interface Scene {
  pids: number[];
  stop(): Promise<void>;
}

export interface EpollScene {
  pid: number;
  efd: number;
  /** The number each target was registered under, and the one its file has now. */
  tfds: Int32Array;
  fds: Int32Array;
  stop(): Promise<void>;
}

export type Mix = 'mixed' | 'sockets';

/**
 * `count` descriptors, each of its own description. `mixed`: a third eventfds, a third opens of /dev/null,
 * a third sockets. `sockets`: sockets and pipes.
 */
function openMix(mix: Mix, count: number): number[] {
  const fds: number[] = [];
  const third = Math.floor(count / 3);
  if (mix === 'mixed') {
    while (fds.length < third) fds.push(libc.eventfd());
    while (fds.length < 2 * third) fds.push(openSync('/dev/null', 'r'));
  } else {
    while (fds.length < count / 2) fds.push(...libc.pipe());
  }
  while (fds.length < count) fds.push(...libc.socketpair());
  fds.forEach(libc.closeOnExec);
  for (const fd of fds.splice(count)) closeSync(fd);
  return fds;
}

/**
 * Processes with `each` descriptors a piece: `cat`, which waits on a pipe that all of them share
 * and ends when this process does. It is far smaller than a process of Node.
 */
export async function mixScene(mix: Mix, processes: number, each: number): Promise<Scene> {
  const [waitOn, hold] = libc.pipe();
  [waitOn, hold].forEach(libc.closeOnExec);
  const children: ChildProcess[] = [];
  for (let i = 0; i < processes; i++) {
    const fds = openMix(mix, each - 3);
    const child = spawn('cat', { stdio: [waitOn, 'ignore', 'ignore', ...fds] });
    await once(child, 'spawn');
    children.push(child);
    for (const fd of fds) closeSync(fd);
  }
  closeSync(waitOn);
  const pids = children.map(({ pid }) => pid as number);
  await settled(pids);
  const stop = async (): Promise<void> => {
    const ended = children.map((child) => once(child, 'exit'));
    closeSync(hold);
    await Promise.all(ended);
  };
  return { pids, stop };
}

/** A server and its workers, which inherit `shared` descriptors under the same numbers. */
export async function treeScene(workers: number, shared: number): Promise<Scene> {
  const server = await startChild();
  const pids = await server.run(
    ({ libc, fs, childProcess }, workers, shared) => {
      for (let i = 0; i < shared; i += 4) {
        libc.eventfd();
        libc.socketpair();
        const fd = fs.openSync('/dev/null', 'r');
        libc.dup(fd); // not closed on exec, unlike what Node opens
        fs.closeSync(fd);
      }
      return Array.from(
        { length: workers },
        () => childProcess.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }).pid as number,
      );
    },
    workers,
    shared,
  );
  await settled(pids);
  return { pids: [server.pid, ...pids], stop: () => server.stop() };
}

/** An epoll instance; `renumbered`: every target has moved to another number since it was registered. */
export async function epollScene(
  kind: 'eventfds' | 'sockets',
  targets: number,
  renumbered = false,
): Promise<EpollScene> {
  const child: Child = await startChild();
  const { efd, tfds, fds } = await child.run(
    ({ libc }, kind, targets, renumbered) => {
      const efd = libc.epollCreate();
      const tfds: number[] = [];
      while (tfds.length < targets) {
        if (kind === 'eventfds') tfds.push(libc.eventfd());
        else tfds.push(...libc.socketpair());
      }
      for (const fd of tfds) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd);
      if (!renumbered) return { efd, tfds, fds: tfds };
      // Moved in an order of its own, so that the new numbers do not betray which target is which.
      const moved = new Map(tfds.map((_, i) => tfds[(i * 617) % targets] as number).map((fd) => [fd, libc.dup(fd)]));
      const fds = tfds.map((fd) => moved.get(fd) as number);
      for (const fd of tfds) libc.close(fd);
      return { efd, tfds, fds };
    },
    kind,
    targets,
    renumbered,
  );
  return { pid: child.pid, efd, tfds: Int32Array.from(tfds), fds: Int32Array.from(fds), stop: () => child.stop() };
}

/** Waits until the processes run what they were started for, and the dynamic linker's files are closed. */
async function settled(pids: readonly number[]): Promise<void> {
  let before = '';
  for (;;) {
    const now = pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length).join();
    if (now === before) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
