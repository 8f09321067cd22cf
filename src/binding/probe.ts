/** Can kcmp(2) work here? Asked of the kernel, in words, without privileges. */
import { KCMP_FILE, TASK_RESOURCE_TYPES, type TaskResource } from './abi.ts';
import { errnoName } from './errors.ts';
import { accessTo, BLOCKED, blockedFix, epollTargetsSupported, MISSING, MISSING_FIX } from './explain.ts';
import { kcmpRaw, koffiDenial, load, platformRefusal, trialScript } from './syscall.ts';
import { ERRNO } from '../util/errno.ts';

const { release } = process.getBuiltinModule('node:os');

/**
 * `available`; `blocked` by a filter; `missing` from this kernel; `unsupported` on this platform
 * or in this installation; `unknown` when it could not be told.
 */
export type KcmpStatus = 'available' | 'blocked' | 'missing' | 'unsupported' | 'unknown';

/** What {@link probe} found. */
export interface KcmpSupport {
  status: KcmpStatus;
  /** One sentence on why. */
  reason: string;
  /** What to change, where something can be. */
  fix?: string;
  /** Whoever calls kcmp is killed: not even another comparison may be tried. */
  kills?: true;
  /** Each comparison on its own, asked of this process. */
  types: Record<'file' | TaskResource, KcmpStatus>;
  /** Whether KCMP_EPOLL_TFD works, which needs Linux 4.13. */
  epollTargets: boolean;
  /** The kernel's release, as uname(2) tells it; 'unknown' where the runtime does not say. */
  kernel: string;
  /** The architecture, by Node's name. */
  arch: string;
}

const { EBADF, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } = ERRNO;
const CHILD_TIMEOUT_MS = 30_000;

function statusOf(result: number): KcmpStatus {
  if (result >= 0 || result === -EBADF) return 'available';
  if (result === -EPERM) return 'blocked';
  if (result === -ENOSYS || result === -EOPNOTSUPP || result === -EINVAL) return 'missing';
  return 'unknown';
}

/** Deno refuses even this where --allow-sys is missing, and probe() must not throw. */
function kernelRelease(): string {
  try {
    return release();
  } catch {
    return 'unknown';
  }
}

function support(status: KcmpStatus, reason: string, fix?: string): KcmpSupport {
  const all = {} as KcmpSupport['types'];
  for (const name of ['file', ...TASK_RESOURCE_TYPES.keys()] as const) all[name] = status;
  const found: KcmpSupport = {
    status,
    reason,
    types: all,
    epollTargets: false,
    kernel: kernelRelease(),
    arch: process.arch,
  };
  if (fix !== undefined) found.fix = fix;
  return found;
}

function unsupported(): KcmpSupport | undefined {
  const refusal = platformRefusal();
  if (refusal !== undefined) return support('unsupported', refusal.reason, refusal.fix);
  try {
    load();
    return undefined;
  } catch (error) {
    const { message, cause } = error as Error;
    const denial = koffiDenial(cause);
    return support(
      'unsupported',
      denial?.reason ?? message,
      denial?.fix ?? 'install koffi with its optional dependencies',
    );
  }
}

function probeHere(): KcmpSupport {
  const { pid } = process;
  const self = accessTo(pid);
  const found =
    self === -EINVAL
      ? support('available', 'the kernel compares')
      : self === -EPERM
        ? support('blocked', BLOCKED, blockedFix())
        : self === -ENOSYS
          ? support('missing', MISSING, MISSING_FIX)
          : support('unknown', `kcmp on this very process answers ${self < 0 ? errnoName(self) : self}`);
  found.types.file = statusOf(kcmpRaw(pid, pid, KCMP_FILE, 0, 0));
  for (const [name, type] of TASK_RESOURCE_TYPES) found.types[name] = statusOf(kcmpRaw(pid, pid, type, 0, 0));
  found.epollTargets = epollTargetsSupported();
  return found;
}

/** Whether no filter is on this very thread, so that no call can kill it; false where that cannot be read. */
function isUnfiltered(): boolean {
  try {
    const status = process.getBuiltinModule('node:fs').readFileSync('/proc/thread-self/status', 'latin1');
    return /^Seccomp:\t0$/m.test(status);
  } catch {
    return false;
  }
}

/** Node's permission model forbids children; there, and wherever else none can be started, one can do without where nothing kills. */
function probeWithoutChild(error: Error): KcmpSupport {
  if (isUnfiltered()) return probeHere();
  const isForbidden = (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED';
  return support(
    'unknown',
    `a seccomp filter may kill whoever calls kcmp, and no child process could be started to ask: ${error.message}`,
    isForbidden ? 'run Node with --allow-child-process' : undefined,
  );
}

/** A child process has the filters of whoever starts it: what it survives, this one does. */
function probeAfterChild(): KcmpSupport {
  // Loaded here, since it costs more than this package, and most processes never ask.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  let child: import('node:child_process').SpawnSyncReturns<Buffer>;
  try {
    child = spawnSync(process.execPath, ['-e', trialScript()], { env, stdio: 'ignore', timeout: CHILD_TIMEOUT_MS });
  } catch (error) {
    return probeWithoutChild(error as Error);
  }
  if (child.error !== undefined && child.pid === 0) return probeWithoutChild(child.error);
  if (child.status === 0) return probeHere();
  if (child.signal === 'SIGSYS') {
    const reason = 'a seccomp filter kills every process that calls kcmp';
    return { ...support('blocked', reason, 'do not call kcmp in this sandbox'), kills: true };
  }
  const how = child.error?.message ?? (child.signal === null ? `exit code ${child.status}` : child.signal);
  return support('unknown', `the child process that was to ask ended early: ${how}`);
}

/** Whatever a caller's options throw when they are read. */
function printed(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'what was thrown cannot be printed';
  }
}

/**
 * `kcmp(self, self, -1)` — can kcmp work here, and if not, why and what would help? Never throws.
 *
 * The kernel answers EINVAL to the unknown type exactly when the call is there and not blocked.
 *
 * @param options.isolated - let a child process try first, for sandboxes whose filter kills the caller
 *   (SIGSYS; Chromium's and Android's do); costs the start of a process. Where none can be started, only a thread
 *   without a filter asks
 * @returns the status, its reason, what to change, and the status of every comparison type
 * @example
 * const { status, reason, fix } = probe();
 * if (status !== 'available') console.log(`${reason}; ${fix}`);
 * @since Linux 3.5; on older ones the status is `missing`
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html, kernel/kcmp.c, seccomp(2)
 */
export function probe(options?: { isolated?: boolean | undefined }): KcmpSupport {
  try {
    return unsupported() ?? (options?.isolated === true ? probeAfterChild() : probeHere());
  } catch (error) {
    return support('unknown', `kcmp could not be tried: ${printed(error)}`);
  }
}
