/**
 * The truth about a scene that holds still, found without any cleverness and without the package: every descriptor of
 * every table is compared with every other one, and with every item of every epoll instance, by raw system calls.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { FileRef } from '../../../src/index.ts';
import { SYSCALL_NUMBERS } from '../../../src/binding/abi.ts';
import { addressOf, syscall } from '../../support/libc.ts';

const KCMP = SYSCALL_NUMBERS[process.arch]?.kcmp ?? 0;
const [KCMP_FILE, KCMP_FILES, KCMP_EPOLL_TFD] = [0, 2, 7];
const isOne = (a: FileRef, b: FileRef): boolean => syscall(KCMP, a.pid, b.pid, KCMP_FILE, a.fd, b.fd) === 0;

export const keyOf = ({ pid, fd }: FileRef): string => `${pid}:${fd}`;

export interface Item {
  tfd: number;
  toff: number;
  data: bigint;
  holders: Set<string>;
}
export interface Known extends FileRef {
  /** The process that the table is of; `pid` may be a thread's id. */
  process: number;
  /** The number of its description. */
  file: number;
  link: string;
  inode: string;
  /** Two opens of such a file have one inode, which nothing else has. */
  reopenable: boolean;
}

/** Every table: one a process, and one of each thread that shares none of those before it. */
function tablesOf(pid: number): number[] {
  const tables = [pid];
  for (const tid of readdirSync(`/proc/${pid}/task`).map(Number)) {
    const isShared = (table: number): boolean => syscall(KCMP, table, tid, KCMP_FILES) === 0;
    if (!tables.some(isShared)) tables.push(tid);
  }
  return tables;
}

const numbersOf = (task: number): number[] => readdirSync(`/proc/${task}/fd`).map(Number);
const linkOf = (task: number, fd: number): string => readlinkSync(`/proc/${task}/fd/${fd}`);

/** Everything that is open, as text: the same before and after, when a scene held still. */
export const listing = (pids: readonly number[]): string => {
  try {
    return pids
      .flatMap((pid) =>
        tablesOf(pid).map((task) => `${task}: ${numbersOf(task).map((fd) => `${fd} ${linkOf(task, fd)}`)}`),
      )
      .join('\n');
  } catch (error) {
    return `${error} at ${performance.now()}`; // something was closed meanwhile
  }
};

export class Truth {
  readonly files: Map<string, Known> = new Map();
  /** By the number of a description: who holds it. */
  readonly holders: Map<number, Known[]> = new Map();

  constructor(pids: readonly number[]) {
    for (const process of pids) {
      for (const pid of tablesOf(process)) {
        for (const fd of numbersOf(pid)) this.#add(process, { pid, fd });
      }
    }
  }

  #add(process: number, ref: FileRef): void {
    // With every one that is known, not just with one of each file.
    const same = [...this.files.values()].filter((other) => isOne(ref, other));
    const numbers = new Set(same.map(({ file }) => file));
    if (numbers.size > 1 || same.length !== (this.holders.get(same[0]?.file ?? -1)?.length ?? 0))
      throw new Error(
        `the kernel says that ${keyOf(ref)} is one with ${same.map(keyOf)}, and not with others of these`,
      );
    const stat = statSync(`/proc/${ref.pid}/fd/${ref.fd}`, { bigint: true });
    const link = linkOf(ref.pid, ref.fd);
    const known: Known = {
      ...ref,
      process,
      file: same[0]?.file ?? this.holders.size,
      link,
      inode: `${stat.dev}:${stat.ino}`,
      reopenable: link.startsWith('/') && (stat.isFile() || stat.isDirectory()),
    };
    this.files.set(keyOf(ref), known);
    this.holders.set(known.file, [...(this.holders.get(known.file) ?? []), known]);
  }

  known(ref: FileRef): Known {
    const known = this.files.get(keyOf(ref));
    if (known === undefined) throw new Error(`nobody knows ${keyOf(ref)}`);
    return known;
  }

  isSame(a: FileRef, b: FileRef): boolean {
    return this.known(a).file === this.known(b).file;
  }

  /** The items of an instance, each with every descriptor that is its file. */
  items({ pid, fd: efd }: FileRef): Item[] {
    const seen = new Map<number, number>();
    const lines = readFileSync(`/proc/${pid}/fdinfo/${efd}`, 'latin1').matchAll(/^tfd: +(\d+) .* data: +([0-9a-f]+)/gm);
    return [...lines].map(([, number, data]) => {
      const tfd = Number(number);
      const toff = seen.get(tfd) ?? 0;
      seen.set(tfd, toff + 1);
      const slot = new Uint8Array(Uint32Array.of(efd, tfd, toff).buffer);
      const at = addressOf(slot);
      const isTarget = (file: FileRef): boolean => syscall(KCMP, file.pid, pid, KCMP_EPOLL_TFD, file.fd, at) === 0;
      const holders = [...this.files.values()].filter(isTarget).map(keyOf);
      return { tfd, toff, data: BigInt(`0x${data}`), holders: new Set(holders) };
    });
  }
}
