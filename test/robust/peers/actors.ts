/** The processes of a world: this one, and children that do what they are told, two of them in network namespaces of their own. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import '../../support/leash.ts';
import type { FileRef } from '../../../src/index.ts';
import { startChild, type Child } from '../../support/child.ts';
import * as libc from '../../support/libc.ts';
import * as sockets from '../../support/sockets.ts';
import { isRoot, works } from '../../support/user.ts';

const PIDFD_GETFD = 438;
const CONTROL = 4;

interface Tools {
  fs: typeof fs;
  libc: typeof libc;
  sockets: typeof sockets;
}

/** A process of the world. */
export interface Actor {
  pid: number;
  /** Sockets by addresses mean something only among those of one home. */
  home: string;
  run<T, A extends unknown[]>(body: (tools: Tools, ...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Takes a descriptor of this process, which keeps its own. */
  take(fd: number): Promise<number>;
}

const here: Tools = { fs, libc, sockets };
const me: Actor = {
  pid: process.pid,
  home: 'here',
  run: async (body, ...args) => body(here, ...args),
  take: async (fd) => libc.closeOnExec(libc.dup(fd)),
};

const NAMESPACE = ['unshare', '--net', '--'];
const hasNamespaces = isRoot && works(NAMESPACE) && spawnSync('ip', ['-V']).status === 0;

async function start(home: string): Promise<Actor & { child: Child; control: number }> {
  const [control, theirs] = libc.socketpair();
  const child = await startChild({ fds: [theirs], ...(home === 'here' ? {} : { wrapper: NAMESPACE }) });
  libc.close(theirs);
  if (home !== 'here')
    await child.run(({ childProcess }) => void childProcess.spawnSync('ip', ['link', 'set', 'lo', 'up']));
  return {
    child,
    control: libc.closeOnExec(control),
    pid: child.pid,
    home,
    run: (body, ...args) => child.run(body, ...args),
    take: async (fd) => {
      libc.sendFd(control, fd);
      return child.run(({ libc }, from: number) => libc.closeOnExec(libc.receiveFd(from)), CONTROL);
    },
  };
}

export class Actors {
  readonly all: Actor[];
  readonly #children: Awaited<ReturnType<typeof start>>[];

  private constructor(children: Awaited<ReturnType<typeof start>>[]) {
    this.#children = children;
    this.all = [me, ...children];
  }

  static async start(): Promise<Actors> {
    const homes = [
      'here',
      'here',
      'here',
      'here',
      'here',
      hasNamespaces ? 'one' : 'here',
      hasNamespaces ? 'two' : 'here',
    ];
    const children = [];
    // One after the other, since each is given what this process must not go on to give to the next.
    for (const home of homes) children.push(await start(home));
    return new Actors(children);
  }

  of(pid: number): Actor {
    return this.all.find((actor) => actor.pid === pid) as Actor;
  }

  /** Gives a descriptor of one process to another one, as SCM_RIGHTS does; returns its number there. */
  async pass({ pid, fd }: FileRef, to: Actor): Promise<number> {
    if (pid === me.pid) return to.take(fd);
    const pidfd = libc.pidfdOpen(pid);
    const got = libc.syscall(PIDFD_GETFD, pidfd, fd, 0);
    libc.close(pidfd);
    const number = await to.take(got);
    libc.close(got);
    return number;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(({ child }) => child.stop()));
    for (const { control } of this.#children) libc.close(control);
  }
}
