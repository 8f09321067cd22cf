/**
 * What a worker thread and a child process have in common with the process that started them:
 *              worker thread   child process
 *     vm       shared          separate
 *     files    shared          separate
 *     fs       shared          separate
 *     sighand  shared          separate
 *     sysvsem  shared-or-none  separate
 *     …
 *   shared-or-none: they compare as equal, but so do two tasks that have none.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { taskSharing, type TaskResource } from 'kcmp';

// The id of a thread, as the kernel counts tasks: /proc/thread-self is a link to PID/task/TID.
const worker = new Worker(
  `const { parentPort } = require('node:worker_threads');
   parentPort.on('message', () => {}); // so that it does not end
   parentPort.postMessage(Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1)));`,
  { eval: true },
);
const [thread] = (await once(worker, 'message')) as [number];
const child = spawn('sleep', ['60'], { stdio: 'ignore' });

const { resources } = taskSharing([process.pid, thread, child.pid as number]);
const row = (...cells: string[]): void => console.log(`  ${cells[0]?.padEnd(7)}  ${cells[1]?.padEnd(14)}  ${cells[2]}`);
row('', 'worker thread', 'child process');
// io comes last: there the answer depends on who has read a disk, and by which scheduler.
for (const resource of ['vm', 'files', 'fs', 'sighand', 'sysvsem', 'io'] satisfies TaskResource[]) {
  const [withThread, withChild] = resources[resource];
  row(resource, withThread?.verdict ?? '', withChild?.verdict ?? '');
}
console.log('shared-or-none: they compare as equal, but so do two tasks that have none.');
process.exit(child.kill() ? 0 : 1);
