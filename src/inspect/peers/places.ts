/**
 * The network namespaces in which a socket may be: that of the task which has it, mostly; but a server's accepted unix
 * sockets are in their clients', and a task may have gone to another one since.
 */
import { netNamespaces, openSockDiag } from '../../netlink/namespaces.ts';
import { isRefusal, type Refusal, type SockDiag } from '../../netlink/sock-diag.ts';
import { listProcesses } from '../../procfs/processes.ts';
import type { Scan } from '../../scan/tables.ts';

/** A network namespace, and tasks that are in it. */
export interface Place {
  /** Undefined where /proc does not tell: then the calling thread's own is asked. */
  namespace: number | undefined;
  tasks: readonly number[];
}

/**
 * Asks about one of them. The socket that asks is closed at once: whoever lists this process's own table, for another
 * question perhaps, finds nothing of it.
 */
export function askAt<T>({ namespace, tasks }: Place, question: (diag: SockDiag) => T | Refusal): T | Refusal {
  const diag = openSockDiag(namespace, tasks);
  if (isRefusal(diag)) return diag;
  try {
    return question(diag);
  } finally {
    diag.close();
  }
}

export class Places {
  /** That of the task which has the socket. */
  readonly first: Place;
  readonly #scan: Scan;
  #others: Place[] | undefined;
  /** Whether there may be namespaces whose tasks cannot be seen. */
  hasUnseen = false;

  constructor(pid: number, scan: Scan) {
    const [namespace] = netNamespaces([pid]).tasks.keys();
    this.first = { namespace, tasks: [pid] };
    this.#scan = scan;
  }

  /** All of them, those that are asked in vain most last. */
  *[Symbol.iterator](): Generator<Place> {
    yield this.first;
    yield* (this.#others ??= this.#list());
  }

  /** The others are told once a question: one that came since has none of the sockets that were there before. */
  #list(): Place[] {
    const { own, tasks, unseen } = netNamespaces(
      this.#scan.all ? listProcesses() : this.#scan.tables.map(({ id }) => id),
    );
    this.hasUnseen = unseen.some(({ code }) => code !== 'ENOENT' && code !== 'ESRCH');
    if (!tasks.has(own)) tasks.set(own, []);
    const places = [...tasks].map(([namespace, pids]) => ({ namespace, tasks: pids }));
    return places
      .filter(({ namespace }) => namespace !== this.first.namespace)
      .sort((a, b) => Number(b.namespace === own) - Number(a.namespace === own));
  }
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
