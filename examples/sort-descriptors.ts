/**
 * /dev/null is open three times, and a child inherited some of it: which descriptors are one? Path and inode
 * are alike for all. Sorted with `compareFiles`, equal neighbours are one open file description.
 *
 *   7 descriptors, 3 open file descriptions:
 *     parent fd 28 = child fd 3 = child fd 5
 *     parent fd 30 = child fd 4 = child fd 6
 *     parent fd 31
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { compareFiles, type FileRef } from 'kcmp';

const [a, b, c] = ['r', 'r', 'r'].map((flags) => openSync('/dev/null', flags)) as [number, number, number];
const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', a, b, a, b] });

const descriptors: FileRef[] = [
  ...[a, b, c].map((fd) => ({ pid: process.pid, fd })),
  ...[3, 4, 5, 6].map((fd) => ({ pid: child.pid as number, fd })),
];

const groups: FileRef[][] = [];
for (const file of descriptors.toSorted(compareFiles)) {
  const previous = groups.at(-1);
  if (previous?.[0] !== undefined && compareFiles(previous[0], file) === 0) previous.push(file);
  else groups.push([file]);
}

const nameOf = ({ pid, fd }: FileRef): string => `${pid === process.pid ? 'parent' : 'child'} fd ${fd}`;
console.log(`${descriptors.length} descriptors, ${groups.length} open file descriptions:`);
// The kernel's order is random, another one after each boot, so the lines get an order of their own.
for (const line of groups.map((group) => group.map(nameOf).join(' = ')).sort()) console.log(`  ${line}`);
child.stdin?.end();
