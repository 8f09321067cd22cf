/**
 * What people call a file of the kernel's own kinds, by the lines that its fdinfo has for that kind. Pure.
 *
 * Sources: proc_pid_fdinfo(5); eventfd_show_fdinfo() and others of Linux 6.18.
 */
import type { FileKind } from '../../procfs/kind.ts';
import { plural } from '../../util/text.ts';

const { signals } = process.getBuiltinModule('node:os').constants;

/** So many signals are named one by one. */
const SHOWN = 8;

/** The value of a line; undefined where there is none. */
const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim();

const HEX = /^[\da-f]{1,16}$/i;

function eventfdName(text: string): string {
  const count = field(text, 'eventfd-count') ?? '';
  return HEX.test(count) ? `eventfd, count ${BigInt(`0x${count}`)}` : 'eventfd';
}

/** 0 is a process that the reader's pid namespace does not have, −1 one that was reaped. */
function pidfdName(text: string): string {
  const pid = Number(field(text, 'Pid'));
  if (Number.isNaN(pid)) return 'pidfd';
  if (pid > 0) return `pidfd of ${pid}`;
  return pid < 0 ? 'pidfd of a process that has ended' : 'pidfd of a process outside of this pid namespace';
}

/** Seconds of a line `it_value: (3, 200000000)`, as many digits as it takes. */
function seconds(text: string, name: string): number | undefined {
  const [, whole, nanoseconds] = /^\((\d+), (\d+)\)$/.exec(field(text, name) ?? '') ?? [];
  return whole === undefined ? undefined : Number(whole) + Number(nanoseconds) / 1e9;
}

const duration = (value: number): string => `${Number(value.toPrecision(6))} s`;

function timerfdName(text: string): string {
  const next = seconds(text, 'it_value');
  if (next === undefined) return 'timerfd';
  if (next === 0) return 'timerfd, not armed';
  const every = seconds(text, 'it_interval') ?? 0;
  return `timerfd, due in ${duration(next)}${every === 0 ? '' : `, then every ${duration(every)}`}`;
}

const signalName = (number: number): string =>
  Object.entries(signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

function signalfdName(text: string): string {
  const mask = field(text, 'sigmask') ?? '';
  if (!HEX.test(mask)) return 'signalfd';
  const bits = BigInt(`0x${mask}`);
  const numbers = Array.from({ length: 64 }, (_, i) => i + 1).filter((number) => (bits >> BigInt(number - 1)) & 1n);
  if (numbers.length === 0) return 'signalfd of no signal';
  return `signalfd of ${numbers.length > SHOWN ? `${numbers.length} signals` : numbers.map(signalName).join(', ')}`;
}

/** A busy instance prints less, which is told apart from none. */
function ringName(text: string): string {
  const files = field(text, 'UserFiles') ?? '';
  return /^\d+$/.test(files) ? `io_uring, ${plural(Number(files), 'file')} registered` : 'io_uring';
}

/** By which line a file of bpf(2) says its number. */
const BPF: ReadonlyArray<readonly [link: string, words: string, line: string]> = [
  ['bpf-map', 'bpf map', 'map_id'],
  ['bpf-prog', 'bpf program', 'prog_id'],
  ['bpf_link', 'bpf link', 'link_id'],
  ['btf', 'btf', 'btf_id'],
];

/** `anon_inode:[perf_event]` and the like: the name without its brackets, and the number of what is bpf's. */
function otherName(link: string, text: string): string {
  const own = /^anon_inode:\[?(.*?)\]?$/s.exec(link)?.[1] ?? link;
  const [, words, line = ''] = BPF.find(([name]) => name === own) ?? [];
  if (words === undefined) return own;
  const id = field(text, line);
  return id === undefined ? words : `${words} ${id}`;
}

/**
 * The name of a file without a path; undefined for every other kind.
 * @param text - its fdinfo, '' where that was not read: then the name says no more than the kind
 */
export function anonymousName(kind: FileKind, link: string, text: string): string | undefined {
  switch (kind) {
    case 'eventfd':
      return eventfdName(text);
    case 'pidfd':
      return pidfdName(text);
    case 'timerfd':
      return timerfdName(text);
    case 'signalfd':
      return signalfdName(text);
    case 'io_uring':
      return ringName(text);
    case 'eventpoll':
      return 'epoll instance';
    case 'inotify':
    case 'fanotify':
    case 'userfaultfd':
      return kind;
    case 'anonymous':
      return otherName(link, text);
    default:
      return undefined;
  }
}
