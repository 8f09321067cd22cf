/**
 * Four pairs of descriptors with one path. Which share an open file description, and with it the offset?
 *
 *   fd 28 here, fd 3 of the child    inherited             same, so its offset moved along: 100
 *   fd 3 and fd 4 of the child       duplicates            same, so its offset moved along: 100
 *   fd 28 and fd 31 here             opened twice          different, at an offset of its own: 0
 *   fd 28 and fd 32 here             re-opened by /proc    different, at an offset of its own: 0
 */
import { spawn } from 'node:child_process';
import { openSync, readFileSync, readSync } from 'node:fs';
import { sameFile, type FileRef } from 'kcmp';

const path = new URL(import.meta.url);
const file = openSync(path, 'r');
// A child that gets one descriptor twice has two duplicates of it.
const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', file, file] });

const here = (fd: number): FileRef => ({ pid: process.pid, fd });
const there = (fd: number): FileRef => ({ pid: child.pid as number, fd });
const second = openSync(path, 'r');
const reopened = openSync(`/proc/self/fd/${file}`, 'r');
readSync(file, Buffer.alloc(100));

const pairs: Array<[string, string, FileRef, FileRef]> = [
  [`fd ${file} here, fd 3 of the child`, 'inherited', here(file), there(3)],
  ['fd 3 and fd 4 of the child', 'duplicates', there(3), there(4)],
  [`fd ${file} and fd ${second} here`, 'opened twice', here(file), here(second)],
  [`fd ${file} and fd ${reopened} here`, 're-opened by /proc', here(file), here(reopened)],
];
for (const [who, how, a, b] of pairs) {
  const offset = readFileSync(`/proc/${b.pid}/fdinfo/${b.fd}`, 'utf8').match(/pos:\s+(\d+)/)?.[1];
  const verdict = sameFile(a, b) ? 'same, so its offset moved along' : 'different, at an offset of its own';
  console.log(`${who.padEnd(32)} ${how.padEnd(21)} ${verdict}: ${offset}`);
}
child.stdin?.end();
