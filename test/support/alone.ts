/**
 * A machine of its own for the test file that imports this before anything else: run by root, it starts itself once
 * more, in a pid namespace with a /proc of its own, and there a scan of every process meets only what the file itself
 * has started. Elsewhere it stays where it is, among its neighbours.
 */
import { spawnSync } from 'node:child_process';
import './leash.ts';
import { isRoot, works } from './user.ts';

/**
 * Pid 1 is a shell, since Node would not collect what others leave to it. Pids begin where no descriptor is, so that
 * tests can tell the numbers apart.
 */
const INIT = 'echo 9999 >/proc/sys/kernel/ns_last_pid && "$@"; exit $?';
const NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', INIT, 'sh'];
const MARK = 'KCMP_TEST_ALONE';

/** Is there nobody but this process and what it starts? */
export const isAlone: boolean = process.env[MARK] !== undefined;

if (!isAlone && isRoot && works(NAMESPACE)) {
  const [command = '', ...words] = [...NAMESPACE, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync(command, words, { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } });
  process.exit(status ?? 1);
}
