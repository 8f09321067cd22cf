/**
 * A child that has ended, and whose 'close' never comes, since a process that nobody thinks of has its stdout:
 *   started, and sh has ended; a second later there is still no 'close'.
 *   The other end of its stdout (fd 21, unix stream) is connected:
 *     fd 1 of sleep (4711)
 *   Without 4711 it is closed at once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileOf, findHolders } from 'kcmp';

// As `pg_ctl start` does, or `nohup server &`: what is left in the background has inherited the child's stdout.
const child = spawn('sh', ['-c', 'sleep 60 & echo started'], { stdio: ['ignore', 'pipe', 'inherit'] });
const closed = once(child, 'close');
const [text] = await once(child.stdout.setEncoding('utf8'), 'data');
if (child.exitCode === null) await once(child, 'exit');
await wait(1000);
console.log(`${text.trim()}, and sh has ended; a second later there is still no 'close'.`);

const { file, name, otherEnd } = findHolders(fileOf(child.stdout));
console.log(`The other end of its stdout (fd ${file.fd}, ${name}) is ${otherEnd?.state}:`);
for (const { pid, fd, command } of otherEnd?.holders ?? []) {
  console.log(`  fd ${fd} of ${command} (${pid})`);
  process.kill(pid);
  await closed;
  console.log(`Without ${pid} it is closed at once.`);
}
