/**
 * What a path names where only a file server knows: a child process opens it by O_PATH, which gives no access to it and
 * has no effect on what it names, and what the child has open then is looked at like any other descriptor. A server that
 * is dead keeps the child, never this process.
 *
 * Sources: open(2), kill(2); close(2) asks a server what it thinks of what was written.
 */
import { listDescriptors, readLink, statIno } from '../../procfs/fd.ts';
import { accessOf, O_PATH, readFdinfo } from '../../procfs/fdinfo.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../procfs/kind.ts';
import { isLocal } from '../../procfs/kind/local.ts';
import { mountOf, readMounts } from '../../procfs/kind/mountinfo.ts';
import { type Located, locate, locatedAt } from '../../procfs/raw/path.ts';
import { readText } from '../../procfs/read.ts';
import { PROC } from '../../procfs/root.ts';
import { hasNothingOpen } from '../../procfs/stat.ts';
import { taskExists } from '../../scan/reason.ts';
import { Pause, type Steps } from '../../scan/steps.ts';
import { clock } from '../../util/clock.ts';

type ChildProcess = import('node:child_process').ChildProcess;

/** Milliseconds for the server to answer, for the child to begin to ask, for it to end, and between two looks at it. */
const [ANSWER, START, END, LOOK] = [1000, 5000, 5000, 5];
/** An errno's name, as the child takes it on. */
const ERRNO = /^E[A-Z\d]+$/;

/** The child tells how far it is by its name, which anybody may read at any time. */
const [ASKS, KNOWS] = ['kcmp asks', 'kcmp knows'];
const SCRIPT = `
const fs = require('fs');
const say = (text) => fs.writeFileSync('/proc/self/comm', text);
say('${ASKS}');
try {
  fs.openSync(process.argv[1], ${O_PATH});
  say('${KNOWS}');
} catch ({ code }) {
  say(code);
}
setTimeout(() => {}, ${START});
`;

/**
 * Whether a child can be started that waits for no server before it is another program: until then so does who starts it.
 * Everything that this process has open is closed on the way.
 */
function mayStart(): boolean {
  const { bun, deno } = process.versions;
  const fds = listDescriptors(process.pid);
  const mounts = readMounts(process.pid);
  if (bun !== undefined || deno !== undefined || typeof fds === 'string' || typeof mounts === 'string') return false;
  const program = locate(process.execPath);
  const isHarmless = (fd: number): boolean => {
    const stat = statIno(process.pid, fd);
    const type = typeof stat === 'string' ? 0 : stat.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return true;
    const info = readFdinfo(process.pid, fd);
    const mount = typeof info === 'string' ? undefined : mountOf(info.text, mounts);
    return readLink(process.pid, fd)?.startsWith('/memfd:') === true || isLocal(mount);
  };
  return typeof program !== 'string' && program.isLocal && fds.every(isHarmless);
}

function start(path: string): ChildProcess | undefined {
  try {
    // Options of the environment may name modules that lie on the server as well.
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' };
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn(process.execPath, ['-e', SCRIPT, '--', path], { cwd: '/', env, stdio: 'ignore' });
    child.on('error', () => {}); // it has no pid then
    child.unref();
    return child;
  } catch {
    return undefined; // Node's permission model
  }
}

/** What the child says it has open now. */
function openedBy(pid: number): Located | string {
  const fds = listDescriptors(pid);
  const isPath = (fd: number): boolean => {
    const info = readFdinfo(pid, fd);
    return typeof info !== 'string' && accessOf(info.flags ?? 0) === 'path';
  };
  const fd = typeof fds === 'string' ? undefined : fds.find(isPath);
  return fd === undefined ? 'EAGAIN' : locatedAt({ pid, fd });
}

/** What one thread has open all have: until the last has ended. */
const isThere = (pid: number): boolean => taskExists(pid) && !hasNothingOpen(pid);

/** What it comes to know, or the errno's name that it was told; undefined where it comes to know nothing in time. */
function* answerOf(pid: number): Steps<Located | string | undefined> {
  let [isAsking, until] = [false, clock() + START];
  for (; clock() < until && isThere(pid); yield new Pause(LOOK)) {
    const read = readText(`${PROC}/${pid}/comm`, 'latin1');
    const says = typeof read === 'string' ? '' : read.text.trim();
    if (says === KNOWS) return openedBy(pid);
    if (ERRNO.test(says)) return says;
    if (says === ASKS && !isAsking) [isAsking, until] = [true, clock() + ANSWER];
  }
  return undefined;
}

/**
 * What a path names, its server asked.
 * @returns the errno's name where the server says so; 'EAGAIN' where none answers within a second, or it cannot be asked
 *   in a way that keeps nobody waiting
 */
export function* askServer(path: string): Steps<Located | string> {
  const child = mayStart() ? start(path) : undefined;
  if (child?.pid === undefined) return 'EAGAIN';
  try {
    const answer = yield* answerOf(child.pid);
    if (answer === undefined) return 'EAGAIN';
    child.kill('SIGKILL');
    // Else it would be seen to have the path open.
    for (const until = clock() + END; isThere(child.pid) && clock() < until; ) yield new Pause(LOOK);
    return isThere(child.pid) ? 'EAGAIN' : answer;
  } finally {
    child.kill('SIGKILL');
  }
}
