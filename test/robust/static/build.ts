/** Runs in the processes of a scene: opens, duplicates, watches and closes at random; and asks, in the one that asks. */
import type { FileKind, FileRef } from '../../../src/index.ts';
import * as libc from '../../support/libc.ts';
import { Random } from '../../support/random.ts';
import { OPENERS, reopen } from './openers.ts';

/** What was opened on purpose, and is open still. */
export interface Built {
  kinds: Map<number, FileKind>;
  epolls: number[];
  /** Kinds that are not to be had here. */
  missing: string[];
}

const orElse = <T>(run: () => T, otherwise: T): T => {
  try {
    return run();
  } catch {
    return otherwise;
  }
};

/** Keeps what is open from one step to the next. */
const open = new Map<number, FileKind>();

/** A number that nobody has, so that numbers are far apart and in no order. */
function spread(random: Random, fd: number): number {
  for (;;) {
    const to = 100 + random.below(800);
    if (orElse(() => libc.fcntl(to, 1), -1) < 0) return libc.dup2(fd, to);
  }
}

export function build(seed: number, steps: number): Built {
  const random = new Random(seed);
  const missing = new Set<string>();
  const add = (fd: number, kind: FileKind): void => {
    const at = random.below(2) ? spread(random, fd) : fd;
    if (at !== fd) libc.close(fd);
    open.set(at, kind);
  };
  const any = (): [number, FileKind] | undefined => (open.size === 0 ? undefined : random.pick([...open]));
  for (let step = 0; step < steps; step++) {
    const [fd, kind] = any() ?? [];
    const epolls = [...open].filter(([, kind]) => kind === 'eventpoll');
    const what = random.below(10);
    if (what < 4 || fd === undefined || kind === undefined) {
      const opener = random.pick(OPENERS);
      const fds = orElse(opener.open, []);
      if (fds.length === 0) missing.add(opener.name);
      for (const fd of fds) add(fd, opener.kind);
    } else if (what < 6) open.set(spread(random, fd), kind);
    else if (what === 6 && kind !== 'symlink') orElse(() => add(reopen(fd), kind), undefined);
    else if (what === 7) {
      libc.close(fd);
      open.delete(fd);
    } else if (epolls.length > 0)
      orElse(
        () => libc.epollCtl(random.pick(epolls)[0], libc.EPOLL_CTL_ADD, fd, libc.EPOLLIN, BigInt(step)),
        undefined,
      );
  }
  return built([...missing]);
}

const built = (missing: string[]): Built => ({
  kinds: open,
  epolls: [...open].filter(([, kind]) => kind === 'eventpoll').map(([fd]) => fd),
  missing,
});

/** Sends one of those to the next process, or takes what the one before sent. No ring of io_uring may be sent. */
export function send(socket: number, seed: number): FileKind {
  const [fd, kind] = new Random(seed).pick([...open].filter(([, kind]) => kind !== 'io_uring'));
  libc.sendFd(socket, fd);
  return kind;
}
export function receive(socket: number, kind: FileKind): Built {
  open.set(libc.receiveFd(socket), kind);
  return built([]);
}

/** The answers or error codes to everything that can be asked of a scene. */
export async function askAll({ pids, files, epolls, pairs, families }: Questions): Promise<Answers> {
  const kcmp = await import('../../../src/index.ts');
  const attempt = <T>(run: () => T): T | string => {
    try {
      return run();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? `${error}`;
    }
  };
  return {
    holders: files.map((file) => attempt(() => kcmp.findHolders(file, { pids }))),
    groups: kcmp.groupFiles({ pids, minHolders: 1 }),
    epolls: epolls.map(({ pid, fd }) => attempt(() => kcmp.resolveEpoll(pid, fd, { pids }))),
    same: pairs.map(([a, b]) => attempt(() => kcmp.sameFile(a, b))),
    identities: pairs.map(([a, b]) => attempt(() => kcmp.identifyFiles(a, b))),
    inherited: families.map(([pid, from]) => attempt(() => kcmp.findInherited(pid, { from }))),
  };
}

type Api = typeof import('../../../src/index.ts');
export interface Questions {
  pids: number[];
  files: FileRef[];
  epolls: FileRef[];
  pairs: Array<[FileRef, FileRef]>;
  families: Array<[pid: number, from: number]>;
}
export interface Answers {
  holders: Array<ReturnType<Api['findHolders']> | string>;
  groups: ReturnType<Api['groupFiles']>;
  epolls: Array<ReturnType<Api['resolveEpoll']> | string>;
  same: Array<boolean | string>;
  identities: Array<ReturnType<Api['identifyFiles']> | string>;
  inherited: Array<ReturnType<Api['findInherited']> | string>;
}
