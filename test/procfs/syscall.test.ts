/** /proc/TID/syscall: what is told of a task that waits, and what is not taken for a descriptor. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { readPlace } from '../../src/procfs/raw/runs.ts';
import { readStart } from '../../src/procfs/raw/start.ts';
import { callsOf, parseSyscall, readSyscall } from '../../src/procfs/raw/syscall.ts';
import { startChild } from '../support/child.ts';
import '../support/leash.ts';
import * as libc from '../support/libc.ts';
import { until } from '../support/until.ts';

const args = (first: string): string => `0x${first} 0x7ffc0a 0x400 0x0 0x0 0x0 0x7ffc0a50d0d8 0x7f3b0e6147e2\n`;

test('io_uring_enter has the same number everywhere', () => {
  assert.deepEqual(parseSyscall(`426 ${args('5')}`), { call: 'io_uring_enter', fd: 5, argument: 0x7ffc0a });
});

test('what has no descriptor, or runs, tells none', () => {
  for (const text of ['running\n', '-1 0x7ffc0a50d0d8 0x7f3b0e6147e2\n', '', `9999 ${args('3')}`])
    assert.equal(parseSyscall(text), undefined, text);
  assert.equal(parseSyscall(`426 ${args('ffffffff')}`), undefined);
});

test(
  'a task of 32 bits, whose calls have other numbers, tells none on a machine of 64',
  { skip: ['ia32', 'arm'].includes(process.arch) ? 'every task has 32 bits' : false },
  () => assert.equal(parseSyscall('426 0x5 0x0 0x0 0x0 0x0 0x0 0xffd0d0d8 0xf7f47e21\n'), undefined),
);

for (const [kind, open] of Object.entries({
  'a pipe': () => libc.pipe(),
  'an eventfd': () => [libc.eventfd()],
  'a socket': () => libc.socketpair(),
}))
  test(`cat waits in read on ${kind}`, async () => {
    const [input = -1, ...others] = open();
    [input, ...others].forEach(libc.closeOnExec);
    const cat = spawn('cat', { stdio: [input, 'ignore', 'ignore'] });
    try {
      const { call, fd } = await until('cat reads', () => readSyscall(cat.pid as number));
      assert.deepEqual([call, fd], ['read', 0]);
    } finally {
      cat.kill();
      for (const one of [input, ...others]) libc.close(one);
    }
  });

test('a call that a seccomp supervisor holds has not begun to wait', async (t) => {
  await using child = await startChild();
  const [flock = 0] = [...callsOf(process.arch).waiting].find(([, name]) => name === 'flock') ?? [];
  const asked = child.run(({ libc, seccomp }, flock: number) => {
    const fd = libc.eventfd();
    seccomp.askAbout(flock);
    libc.syscall(flock, fd, 1);
  }, flock);
  asked.catch(() => {}); // it ends in the call
  await until('it calls flock', () => parseSyscall(readStart(child.pid, 'syscall'))?.call === 'flock');
  if (readPlace(child.pid) === '') t.skip('this kernel does not tell where a task waits');
  else assert.equal(readSyscall(child.pid), undefined);
});
