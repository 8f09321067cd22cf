/** What this machine, this process and its /proc are like, for `kcmp doctor`. Nothing here throws. */
import { compareTasks, identifyFiles, probe, type FileRef, type KcmpSupport } from '../../index.ts';
import { isInFirstNamespace, listProcesses } from '../../procfs/processes.ts';

const { closeSync, openSync, readFileSync, readlinkSync } = process.getBuiltinModule('node:fs');

const CAP_SYS_PTRACE = 19n;

export interface Facts {
  platform: string;
  kernel: string;
  arch: string;
  libc: string;
  node: string;
  uid: number | null;
  support: KcmpSupport;
  /** Of this process: 0 none, 1 strict, 2 a filter; null when /proc does not say. */
  seccomp: { mode: number | null; filters: number | null };
  capabilities: { effective: string | null; sysPtrace: boolean | null };
  /** `nested`: not the machine's first, as in a container. */
  pidNamespace: { inode: number | null; nested: boolean | null };
  /** `denied`: by Node's permission model. `own`: it shows this process under the number it has for itself. */
  proc: { mounted: boolean; denied: boolean; own: boolean; hidepid: string | null };
  /** Whether this process can tell its own descriptors apart, be it without kcmp; null where it may not be tried. */
  ownFiles: boolean | null;
  /** null where kcmp may not be called. */
  processes: { listed: number; inspectable: number; refused: number[] } | null;
}

function attempt<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

const read = (path: string): string => attempt(() => readFileSync(path, 'utf8')) ?? '';

function libc(): string {
  if (/\/ld-musl-/.test(read('/proc/self/maps'))) return 'musl';
  const header = attempt(() => (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header);
  return header?.glibcVersionRuntime === undefined ? 'unknown' : `glibc ${header.glibcVersionRuntime}`;
}

/** A field of /proc/self/status. */
function field(status: string, name: string): string | null {
  return new RegExp(`^${name}:\\s*(.+)$`, 'm').exec(status)?.[1]?.trim() ?? null;
}

const numberOf = (text: string | null): number | null => (text === null ? null : Number(text));

/** The mount options of /proc; the last mount there is the one that is seen. */
function procMount(): { mounted: boolean; hidepid: string | null } {
  const mounts = read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => / \/proc [^-]*.* - proc /.test(line));
  const options = mounts.at(-1)?.split(' - ')[1]?.split(' ').at(-1)?.split(',') ?? [];
  const hidepid = options.find((option) => option.startsWith('hidepid='))?.slice('hidepid='.length);
  return { mounted: mounts.length > 0, hidepid: hidepid ?? (mounts.length > 0 ? 'off' : null) };
}

/** Asks for each process whether it may be compared. Only where the call does not kill. */
function inspectable(): NonNullable<Facts['processes']> {
  const found = { listed: 0, inspectable: 0, refused: [] as number[] };
  for (const pid of attempt(listProcesses) ?? []) {
    found.listed++;
    try {
      compareTasks(pid, pid, 'sighand');
      found.inspectable++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') found.refused.push(pid);
      else found.listed--;
    }
  }
  return found;
}

/** By two descriptors of this process that are on one inode, so that only the kernel can tell. */
function tellsOwnFiles(): boolean {
  const fds = [0, 1].map(() => openSync('/proc/self/status', 'r'));
  try {
    const [a, b] = fds.map((fd) => ({ pid: process.pid, fd })) as [FileRef, FileRef];
    return identifyFiles(a, b).relation === 'different';
  } finally {
    fds.forEach(closeSync);
  }
}

export function gatherFacts(): Facts {
  // In a child process: a filter may kill whoever calls.
  const support = probe({ isolated: true });
  const mayAsk = support.kills !== true && support.status !== 'unsupported' && support.status !== 'unknown';
  const status = read('/proc/self/status');
  const effective = field(status, 'CapEff');
  const inode = numberOf(/\d+/.exec(attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '')?.[0] ?? null);
  return {
    platform: process.platform,
    kernel: support.kernel,
    arch: support.arch,
    libc: libc(),
    node: process.versions.node,
    uid: process.getuid?.() ?? null,
    support,
    seccomp: { mode: numberOf(field(status, 'Seccomp')), filters: numberOf(field(status, 'Seccomp_filters')) },
    capabilities: {
      effective,
      sysPtrace: effective === null ? null : ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
    },
    pidNamespace: { inode, nested: inode === null ? null : !isInFirstNamespace() },
    proc: {
      ...procMount(),
      // Undefined where there is no such model.
      denied: (process.permission as typeof process.permission | undefined)?.has('fs.read', '/proc/self') === false,
      own: attempt(() => readlinkSync('/proc/self')) === `${process.pid}`,
    },
    ownFiles: mayAsk ? attempt(tellsOwnFiles) : null,
    processes: support.status === 'available' ? inspectable() : null,
  };
}
