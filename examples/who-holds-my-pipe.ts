/**
 * A pipeline that never ends, since a process that nobody thinks of keeps the write end of its pipe:
 *   The shell has printed "hello" and is gone, but cat still waits for the end of its input, pipe:[4711].
 *     read end:  fd 0 of pid 4242 (cat)
 *     write end: fd 1 of pid 4243 (sleep)
 *   Without pid 4243, cat ends at once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { findHolders } from '../src/index.ts';

// A shell starts something in the background and ends; what it started has inherited the pipe to cat.
const pipeline = spawn('sh', ['-c', "{ sleep 60 & echo hello; } | sh -c 'echo $$; exec cat'"], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
pipeline.stdout.setEncoding('utf8').on('data', (text) => (output += text));
while (!output.includes('hello')) await wait(20);
const [cat = 0, said] = output.split('\n').map((line) => Number(line) || line) as [number, string];

// The background process is the only one left as soon as the shell has ended.
const look = () => {
  const report = findHolders({ pid: cat, fd: 0 });
  return { ...report, writers: report.otherEnd?.holders ?? [] };
};
let found = look();
while (found.writers.map(({ command }) => command).join() !== 'sleep') await wait(20).then(() => (found = look()));

console.log(`The shell has printed "${said}" and is gone, but cat still waits for the end of its input, ${found.link}.`);
for (const { pid, fd, command } of found.holders) console.log(`  read end:  fd ${fd} of pid ${pid} (${command})`);
for (const { pid, fd, command } of found.writers) {
  console.log(`  write end: fd ${fd} of pid ${pid} (${command})`);
  process.kill(pid);
  await once(pipeline, 'exit');
  console.log(`Without pid ${pid}, cat ends at once.`);
}
