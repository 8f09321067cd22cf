/** Which processes and tasks there are: the numbers in /proc and in /proc/PID/task. */
import { addTo } from '../util/multimap.ts';
import { codeOf, fs, listNumbers, readText } from './read.ts';
import { checkProc, PROC, unavailable } from './root.ts';
import { readKin, readProcess } from './status.ts';

/**
 * Every process, ascending. Threads are not among them, although /proc/TID can be read.
 *
 * @throws {Error} `ERR_PROC_UNAVAILABLE` when /proc does not belong to this pid namespace, or cannot be listed
 */
export function listProcesses(root: string = PROC): number[] {
  if (root === PROC) checkProc(root);
  const pids = listNumbers(root);
  if (typeof pids === 'string') throw unavailable(`${root} cannot be listed: ${pids}`);
  return pids;
}

/** The tasks of a process, ascending, or the errno's name: 'ENOENT' when it is gone or hidden. */
export const listTasks = (pid: number, root: string = PROC): number[] | string => listNumbers(`${root}/${pid}/task`);

/** Is there an entry for this task? With 'self': is /proc mounted? */
export function isListed(pid: number | 'self', root: string = PROC): boolean {
  try {
    return fs().statSync(`${root}/${pid}`, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    codeOf(error);
    return false;
  }
}

/** As whom a task runs: its effective user, which the folder /proc/PID belongs to; or the errno's name. */
export function readUser(pid: number, root: string = PROC): number | string {
  try {
    return fs().statSync(`${root}/${pid}`).uid;
  } catch (error) {
    return codeOf(error);
  }
}

/** The children of a thread; undefined where the kernel does not list them (CONFIG_PROC_CHILDREN), or it is gone. */
export function readChildren(tid: number): number[] | undefined {
  const read = readText(`${PROC}/${tid}/task/${tid}/children`, 'latin1');
  return typeof read === 'string'
    ? undefined
    : read.text
        .split(' ')
        .filter((pid) => pid !== '')
        .map(Number);
}

/** Every thread of a process, ascending; none when it is gone. */
export function threadsOf(pid: number): number[] {
  const tasks = listTasks(pid);
  return typeof tasks === 'string' ? [] : tasks;
}

/** A process, or that of a thread, and all its descendants, by the parents that /proc names at this moment. */
export function treeOf(task: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of listProcesses()) {
    const { parent } = readKin(pid);
    if (parent !== undefined) addTo(children, parent, pid);
  }
  const tree = [readProcess(task)];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** PROC_PID_INIT_INO of include/linux/proc_ns.h. */
const FIRST = 'pid:[4026531836]';

/** Whether this process is in the first pid namespace, from which every process is seen. */
export function isInFirstNamespace(): boolean {
  try {
    return fs().readlinkSync(`${PROC}/self/ns/pid`) === FIRST;
  } catch (error) {
    codeOf(error);
    return false;
  }
}
