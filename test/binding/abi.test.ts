/** abi: the numbers of <linux/kcmp.h> and of the system calls, against the system's own headers where it has them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { F_DUPFD_QUERY, SYSCALL_NUMBERS, TASK_RESOURCE_TYPES } from '../../src/binding/abi.ts';
import * as kcmp from '../../src/index.ts';

const TYPES = {
  KCMP_FILE: 0, KCMP_VM: 1, KCMP_FILES: 2, KCMP_FS: 3, KCMP_SIGHAND: 4, KCMP_IO: 5, KCMP_SYSVSEM: 6, KCMP_EPOLL_TFD: 7,
};
const KCMP_H = '/usr/include/linux/kcmp.h';
const FCNTL_H = '/usr/include/linux/fcntl.h';
const UNISTD_H = ['/usr/include/x86_64-linux-gnu/asm/unistd_64.h', '/usr/include/asm/unistd_64.h'].find(existsSync) ?? '';

/** Why a header cannot be compared with, or false. */
const missing = (header: string): string | false => !existsSync(header) && 'the header is not installed';

describe('the comparison types', () => {
  test('are spelt and numbered as in <linux/kcmp.h>', () => {
    const exported = Object.entries(kcmp).filter(([name]) => name.startsWith('KCMP_'));
    assert.deepEqual(Object.fromEntries(exported), TYPES);
  });

  test('are those of the installed header, in its order', { skip: missing(KCMP_H) }, () => {
    const names = readFileSync(KCMP_H, 'utf8').match(/\bKCMP_[A-Z_]+(?=,)/g) ?? [];
    const known = names.filter((name) => name !== 'KCMP_TYPES').slice(0, 8);
    assert.deepEqual(Object.fromEntries(known.map((name, index) => [name, index])), TYPES);
  });

  test('have a resource name each, but for the two that compare files', () => {
    const named = [...TASK_RESOURCE_TYPES].map(([name, type]) => [`KCMP_${name.toUpperCase()}`, type]);
    const { KCMP_FILE: _, KCMP_EPOLL_TFD: __, ...resources } = TYPES;
    assert.deepEqual(Object.fromEntries(named), resources);
  });
});

describe('the system call numbers', () => {
  test('are those of the syscall tables of every architecture served', () => {
    const numbers = Object.entries(SYSCALL_NUMBERS).map(([arch, { kcmp, fcntl, getdents64, readlinkat, lseek }]) =>
      [arch, kcmp, fcntl, getdents64, readlinkat, lseek]);
    assert.deepEqual(numbers, [
      ['x64', 312, 72, 217, 267, 8], ['ia32', 349, 221, 220, 305, 19], ['arm', 378, 221, 217, 332, 19], ['arm64', 272, 25, 61, 78, 62],
      ['riscv64', 272, 25, 61, 78, 62], ['loong64', 272, 25, 61, 78, 62], ['ppc64', 354, 55, 202, 296, 19],
    ]);
  });

  test('of x64 are those of the installed header', { skip: missing(UNISTD_H) }, () => {
    const header = readFileSync(UNISTD_H, 'utf8');
    const numberOf = (name: string): number => Number(header.match(new RegExp(`__NR_${name} (\\d+)`))?.[1]);
    const names = ['kcmp', 'fcntl', 'openat', 'close', 'read', 'statx', 'getdents64', 'readlinkat', 'lseek'];
    assert.deepEqual(SYSCALL_NUMBERS.x64, Object.fromEntries(names.map((name) => [name, numberOf(name)])));
  });

  test('are served for this very architecture', () => {
    assert.ok(SYSCALL_NUMBERS[process.arch] !== undefined);
  });
});

test('F_DUPFD_QUERY is F_LINUX_SPECIFIC_BASE + 3', () => {
  assert.equal(F_DUPFD_QUERY, 1024 + 3);
  const text = existsSync(FCNTL_H) ? readFileSync(FCNTL_H, 'utf8') : '';
  const offset = text.match(/F_DUPFD_QUERY\s+\(F_LINUX_SPECIFIC_BASE \+ (\d+)\)/)?.[1];
  if (offset !== undefined) assert.equal(Number(offset), 3);
});
