/**
 * The network namespaces in which a socket may be: that of the task which has it, mostly; but a server's accepted unix
 * sockets are in their clients', and a task may have gone to another one since.
 */
import type { FileRef } from '../../binding/kcmp.ts';
import { isNetNamespace, mountedNamespaces, type NamespaceFile, ownNamespace } from '../../netlink/namespace-files.ts';
import { netNamespaces, openSockDiag } from '../../netlink/namespaces.ts';
import { isRefusal, type Refusal, type SockDiag } from '../../netlink/sock-diag.ts';
import { isClosed, listDescriptors, readLink } from '../../procfs/fd.ts';
import { listProcesses, threadsOf } from '../../procfs/processes.ts';
import type { Pausing } from '../../util/drain.ts';

/** A network namespace, and tasks that are in it. */
export interface Place {
  /** Undefined where /proc does not tell: then the calling thread's own is asked. NaN of one that may not be entered. */
  namespace: number | undefined;
  tasks: readonly number[];
  /** What keeps it, where no task was seen to be in it. */
  file?: NamespaceFile;
}

/**
 * Asks about one of them. The socket that asks is closed at once, as a rule before anything else is done: whoever lists
 * this process's own table, for another question perhaps, finds nothing of it.
 */
export function* askAt<T>(
  { namespace, tasks, file }: Place,
  question: (diag: SockDiag) => Pausing<T | Refusal>,
): Pausing<T | Refusal> {
  const diag = openSockDiag(namespace, file === undefined ? tasks : [file]);
  if (isRefusal(diag)) return diag;
  try {
    return yield* question(diag);
  } finally {
    diag.close();
  }
}

/** So many tasks are looked at between two pauses. */
const CHUNK = 256;
/** Of more threads of a process it is not asked where they are. */
const THREADS = 1024;
/** Why nothing is told of a socket that is in none of them. */
export const NOWHERE = 'no network namespace that could be seen has it';

export class Places {
  /** That of the task which has the socket. */
  readonly #first: Place;
  #others: Place[] | undefined;
  #areMore: boolean | undefined;
  /** The links of those that a file keeps. */
  readonly #kept = new Set<string>();

  constructor(pid: number) {
    const [namespace] = netNamespaces([pid]).ways.keys();
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

  /** That of a descriptor, where no task is in it; `text` is its link. */
  *add(file: FileRef, text: string): Pausing<void> {
    if (text !== ownNamespace()) this.#addKept((this.#others ??= yield* this.#list()), file, text);
  }

  /**
   * Whether there may be more, in which no task is: where the task which has the socket has a descriptor of a namespace, as
   * who went to another one has to come back by. Of one that only sockets keep nothing tells.
   */
  *areMore(): Pausing<boolean> {
    return (this.#areMore ??= yield* hasNamespace(this.#first.tasks[0] as number));
  }

  /** They are listed once a question: one that came since has none of the sockets that were there before. */
  *#list(): Pausing<Place[]> {
    const tasks = new Map<number, number[]>();
    const ids: number[] = [];
    for (const pid of listProcesses()) {
      ids.push(...new Set([pid, ...threadsOf(pid).slice(0, THREADS)]));
      yield;
    }
    let own = NaN;
    for (let at = 0; at < ids.length; at += CHUNK) {
      const seen = netNamespaces(ids.slice(at, at + CHUNK));
      ({ own } = seen);
      for (const [namespace, some] of seen.ways) tasks.set(namespace, [...(tasks.get(namespace) ?? []), ...some]);
      yield;
    }
    if (!Number.isNaN(own) && !tasks.has(own)) tasks.set(own, []);
    const places: Place[] = [...tasks]
      .map(([namespace, pids]) => ({ namespace, tasks: pids }))
      .filter(({ namespace }) => namespace !== this.#first.namespace)
      .sort((a, b) => Number(b.namespace === own) - Number(a.namespace === own));
    for (const mount of mountedNamespaces()) {
      this.#addKept(places, mount, mount.root);
      yield;
    }
    return places;
  }

  #addKept(places: Place[], file: NamespaceFile, text: string): void {
    if (this.#kept.has(text)) return;
    this.#kept.add(text);
    const { ways, unseen } = netNamespaces([file]);
    const [namespace = NaN] = ways.keys();
    if (unseen.some(({ code }) => isClosed(code))) return;
    if (![this.#first, ...places].some((place) => place.namespace === namespace))
      places.push({ namespace, tasks: [], file });
  }
}

function* hasNamespace(task: number): Pausing<boolean> {
  const fds = listDescriptors(task);
  for (const [i, fd] of typeof fds === 'string' ? [] : fds.entries()) {
    if (i % CHUNK === 0) yield;
    if (isNetNamespace(readLink(task, fd) ?? '')) return true;
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

/** Of a namespace all of whose tasks have ended: it is none any more. */
export const isGone = ({ refused, code }: Refusal): boolean => refused === 'no-namespace' && code === 'ESRCH';

/** A refusal in words. */
export const whyRefused = ({ refused, code }: Refusal): string => `${WHY[refused]} (${code})`;
