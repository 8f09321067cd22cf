import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { parseStat, readStat } from '../../src/procfs/stat.ts';
import { startChild } from '../support/child.ts';
import { makeTree } from './tree.ts';

const line = (command: string, state = 'S', startTime = '8812'): string =>
  `4711 (${command}) ${state} 42 4711 4711 34816 -1 4194560 100 0 0 0 1 2 0 0 20 0 3 0 ${startTime} 1000 200 18446744073709551615 1 1 0\n`;
const wanted = {
  command: 'cat',
  state: 'S',
  ppid: 42,
  session: 4711,
  terminal: 0x8800,
  flags: 4194560,
  startTime: 8812n,
  threads: 3,
};

test('parseStat reads the fields of a line', () => {
  assert.deepEqual(parseStat(line('cat')), wanted);
});

test('parseStat takes a name with spaces, newlines and parentheses whole', () => {
  for (const command of ['a b', 'a\nb', ')', '(', ') S 1 2 3', '((x)) R', '', '\\', 'tmux: server', '((sd-pam))']) {
    assert.deepEqual(parseStat(line(command)), { ...wanted, command }, JSON.stringify(command));
  }
});

test('parseStat keeps a start time beyond 2^53', () => {
  assert.equal(parseStat(line('cat', 'Z', '18446744073709551615'))?.startTime, 18446744073709551615n);
});

test('parseStat answers undefined for what is no stat line', () => {
  for (const text of [
    '',
    '\n',
    '4711',
    '4711 (cat',
    ')(',
    '4711 (cat) S 42\n',
    line('cat', 'SS'),
    line('cat', 'S', 'x'),
  ]) {
    assert.equal(parseStat(text), undefined, JSON.stringify(text));
  }
});

test('readStat of this process names its parent, and a thread has the same one', () => {
  const stat = readStat(process.pid);
  assert.ok(typeof stat !== 'string');
  assert.equal(stat.ppid, process.ppid);
  assert.ok(stat.threads > 1 && stat.startTime > 0n);
});

test('readStat finds the very name that a process gave itself', async () => {
  await using child = await startChild();
  for (const name of ['a) R 1 (b', 'two\nlines', 'x y)']) {
    await child.run((_, title) => void (process.title = title), name);
    const stat = readStat(child.pid);
    assert.ok(typeof stat !== 'string');
    // Some kernels print a newline as a backslash and an n.
    assert.equal(stat.command.replace('\\n', '\n'), name);
    assert.equal(stat.ppid, process.pid);
  }
});

test('readStat answers with the code for a process that has ended', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  assert.equal(readStat(child.pid as number), 'ENOENT');
});

test('readStat reads a recorded tree, and takes an empty file for a process that is gone', () => {
  const root = makeTree({ '5/stat': line('cat'), '6/stat': '' }, after);
  assert.deepEqual(readStat(5, root), wanted);
  assert.equal(readStat(6, root), 'ESRCH');
});
