/**
 * The network namespaces in which a socket may be: that of the task which has it, mostly; but a server's accepted unix
 * sockets are in their clients', and a task may have gone to another one since.
 */
import { netNamespaces, openSockDiag } from '../../netlink/namespaces.ts';
import { isRefusal, type Refusal, type SockDiag } from '../../netlink/sock-diag.ts';
import { listDescriptors, readLink } from '../../procfs/fd.ts';
import { listProcesses, threadsOf } from '../../procfs/processes.ts';
import type { Pausing } from '../../util/drain.ts';

/** A network namespace, and tasks that are in it. */
export interface Place {
  /** Undefined where /proc does not tell: then the calling thread's own is asked. */
  namespace: number | undefined;
  tasks: readonly number[];
}

/**
 * Asks about one of them. The socket that asks is closed at once, as a rule before anything else is done: whoever lists
 * this process's own table, for another question perhaps, finds nothing of it.
 */
export function* askAt<T>(
  { namespace, tasks }: Place,
  question: (diag: SockDiag) => Pausing<T | Refusal>,
): Pausing<T | Refusal> {
  const diag = openSockDiag(namespace, tasks);
  if (isRefusal(diag)) return diag;
  try {
    return yield* question(diag);
  } finally {
    diag.close();
  }
}

/** So many tasks are looked at between two pauses. */
const CHUNK = 256;
/** Of more threads it is not asked where they are. */
const THREADS = 1024;
/** Why nothing is told of a socket that is in none of them. */
export const NOWHERE = 'no network namespace that could be seen has it';

export class Places {
  /** That of the task which has the socket. */
  readonly #first: Place;
  #others: Place[] | undefined;
  #areMore: boolean | undefined;

  constructor(pid: number) {
    const [namespace] = netNamespaces([pid]).tasks.keys();
    this.#first = { namespace, tasks: [pid] };
  }

  /**
   * All of this machine that can be seen, whoever's descriptors are looked at: those that are asked in vain most last.
   * Undefined is a pause.
   */
  *[Symbol.iterator](): Generator<Place | undefined> {
    yield this.#first;
    yield* (this.#others ??= yield* this.#list());
  }

  /**
   * Whether there may be more, in which no task is: where the task which has the socket has a descriptor of a namespace, as
   * who went to another one has to come back by. Of one that only sockets or mounts keep nothing tells.
   */
  *areMore(): Pausing<boolean> {
    return (this.#areMore ??= yield* hasNamespace(this.#first.tasks[0] as number));
  }

  /** They are listed once a question: one that came since has none of the sockets that were there before. */
  *#list(): Pausing<Place[]> {
    const tasks = new Map<number, number[]>();
    let own = NaN;
    // Of all threads that may be elsewhere those matter that can have opened it.
    const pids = [...listProcesses(), ...threadsOf(this.#first.tasks[0] as number).slice(0, THREADS)];
    for (let at = 0; at < pids.length; at += CHUNK) {
      const seen = netNamespaces(pids.slice(at, at + CHUNK));
      ({ own } = seen);
      for (const [namespace, some] of seen.tasks) tasks.set(namespace, [...(tasks.get(namespace) ?? []), ...some]);
      yield;
    }
    if (!Number.isNaN(own) && !tasks.has(own)) tasks.set(own, []);
    return [...tasks]
      .map(([namespace, pids]) => ({ namespace, tasks: pids }))
      .filter(({ namespace }) => namespace !== this.#first.namespace)
      .sort((a, b) => Number(b.namespace === own) - Number(a.namespace === own));
  }
}

function* hasNamespace(task: number): Pausing<boolean> {
  const fds = listDescriptors(task);
  for (const [i, fd] of typeof fds === 'string' ? [] : fds.entries()) {
    if (i % CHUNK === 0) yield;
    if (readLink(task, fd)?.startsWith('net:[') === true) return true;
  }
  return false;
}

const WHY: Readonly<Record<Refusal['refused'], string>> = {
  blocked: 'a filter or a security module forbids to ask the kernel about sockets',
  'no-netlink': 'this kernel cannot be asked about sockets',
  'no-handler': 'this kernel cannot list such sockets',
  unstable: 'the list of sockets changed all the while',
  'no-namespace': 'it may be in another network namespace, which may not be entered',
  failed: 'the kernel could not be asked about sockets',
};

/** A refusal in words. */
export const whyRefused = ({ refused, code }: Refusal): string => `${WHY[refused]} (${code})`;
