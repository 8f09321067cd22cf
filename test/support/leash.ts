/**
 * Whatever a test starts ends with its process, however that ends: passed, timed out, interrupted, killed. Whoever
 * starts a process imports this file.
 *
 * Under Node's runner each test file has a process of its own. That becomes the leader of a process group, which
 * everything below it belongs to, and starts a shell in that group that only waits for it: a pipe from the test process
 * ends when the test process does, and the shell then kills the group, itself included. Should the runner end first,
 * the kernel kills the test process (PR_SET_PDEATHSIG, prctl(2)); should it take longer than the runner allows a test, the
 * shell does. So nothing may leave the group: no `detached`, no setsid(1).
 */
import { spawn } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import * as libc from './libc.ts';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
/** So that a runner that does it comes first. */
const GRACE_S = 5;

/** Without a runner the group is that of whoever started this process, with more than this process in it. */
const isTestFile =
  isMainThread && process.env['NODE_TEST_CONTEXT'] !== undefined && process.argv[1]?.endsWith('.test.ts') === true;

if (isTestFile) {
  libc.setpgid(0, 0);
  // Node closes what it knows of before it has ended, and would be killed by its own watcher: so not a stream of its.
  const [end] = libc.pipe().map(libc.closeOnExec) as [number];
  // The runner of Node 24 does not end a file that is stuck, and goes on waiting for it.
  const limit = Number(process.execArgv.find((flag) => flag.startsWith('--test-timeout='))?.split('=')[1]);
  const late = limit > 0 ? `(sleep ${limit / 1000 + GRACE_S}; kill -KILL 0) & ` : '';
  const watch = `trap "" HUP INT TERM; ${late}read -r _; kill -KILL 0`;
  spawn('sh', ['-c', watch], { stdio: [end, 'ignore', 'ignore'] }).unref();
  libc.close(end);
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL);
}
