/** What /proc/PID/stat says of a task. Source: proc_pid_stat(5). */
import { readTaskFile } from './raw/start.ts';
import { PROC } from './root.ts';

export interface Stat {
  /** The command name as it is printed; some kernels write a newline in it as `\n`, which nothing tells from that name. */
  command: string;
  /** One letter: R running, S sleeping, Z zombie, … */
  state: string;
  ppid: number;
  /** The id of its session: that of the process which made it, by setsid(2), or 0 where that is of another pid namespace. */
  session: number;
  /** Its terminal, as new_encode_dev() packs a device; 0 for none. */
  terminal: number;
  /** The PF_ flags. */
  flags: number;
  /** When the task started, in clock ticks since boot: with the pid it names a task for good. */
  startTime: bigint;
  /** How many threads its process has. */
  threads: number;
}

/** The flag of a thread of the kernel, from include/linux/sched.h. */
export const PF_KTHREAD = 0x00200000;

// Fields after the command name, counted from 0; the manual page counts from 1 and from the pid.
const STATE = 0;
const PPID = 1;
const SESSION = 3;
const TERMINAL = 4;
const FLAGS = 6;
const THREADS = 17;
const START_TIME = 19;
const NEEDED = 20;

const NUMBER = /^-?\d{1,20}$/;

/** Undefined for what is no such line. */
export function parseStat(text: string): Stat | undefined {
  // The name may hold spaces and parentheses; nothing after it does.
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 1)
    .trim()
    .split(' ', NEEDED);
  const [state = ''] = fields;
  if (fields.length < NEEDED || state.length !== 1) return undefined;
  if (!fields.every((field, index) => index === STATE || NUMBER.test(field))) return undefined;
  return {
    command: text.slice(open + 1, close),
    state,
    ppid: Number(fields[PPID]),
    session: Number(fields[SESSION]),
    terminal: Number(fields[TERMINAL]),
    flags: Number(fields[FLAGS]),
    startTime: BigInt(fields[START_TIME] as string),
    threads: Number(fields[THREADS]),
  };
}

/** The stat of a task, or the errno's name; 'ESRCH' as well when nothing sensible is there to read. */
export const readStat = (pid: number, root: string = PROC): Stat | string => readFrom(pid, 'stat', root);

/** The same of what may be one of many threads: elsewhere the kernel adds up what all of them did. */
export const readThreadStat = (tid: number): Stat | string => readFrom(tid, `task/${tid}/stat`, PROC);

function readFrom(pid: number, file: string, root: string): Stat | string {
  const read = readTaskFile(pid, file, 'utf8', root);
  return typeof read === 'string' ? read : (parseStat(read.text) ?? 'ESRCH');
}

/** Whether a state is to wait for SIGCONT, or for who traces it. */
export const isStopped = (state: string): boolean => /[Tt]/.test(state);

/** A zombie; the main thread of a process may be one while others live. */
export function hasEnded(pid: number, root: string = PROC): boolean {
  const stat = readStat(pid, root);
  return typeof stat !== 'string' && stat.state === 'Z';
}

/** Whether it is known to have no descriptors without a look at them: a thread of the kernel, a process that has ended. */
export function hasNothingOpen(pid: number, root: string = PROC): boolean {
  const stat = readStat(pid, root);
  if (typeof stat === 'string') return false;
  return (stat.flags & PF_KTHREAD) !== 0 || (stat.state === 'Z' && stat.threads === 1);
}
