/** abi: what it exports, and the numbers that are rarely at hand; headers.test.ts compares with the headers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SYSCALL_NUMBERS, TASK_RESOURCE_TYPES } from '../../src/binding/abi.ts';
import * as kcmp from '../../src/index.ts';

const TYPES = {
  KCMP_FILE: 0,
  KCMP_VM: 1,
  KCMP_FILES: 2,
  KCMP_FS: 3,
  KCMP_SIGHAND: 4,
  KCMP_IO: 5,
  KCMP_SYSVSEM: 6,
  KCMP_EPOLL_TFD: 7,
};
describe('the comparison types', () => {
  test('are spelt and numbered as in <linux/kcmp.h>', () => {
    const exported = Object.entries(kcmp).filter(([name]) => name.startsWith('KCMP_'));
    assert.deepEqual(Object.fromEntries(exported), TYPES);
  });

  test('have a resource name each, but for the two that compare files', () => {
    const named = [...TASK_RESOURCE_TYPES].map(([name, type]) => [`KCMP_${name.toUpperCase()}`, type]);
    const { KCMP_FILE: _, KCMP_EPOLL_TFD: __, ...resources } = TYPES;
    assert.deepEqual(Object.fromEntries(named), resources);
  });
});

describe('the system call numbers', () => {
  const NAMES = [
    'kcmp',
    'fcntl',
    'openat',
    'close',
    'read',
    'statx',
    'getdents64',
    'readlinkat',
    'lseek',
    'socket',
    'write',
    'setns',
    'pidfd_open',
    'getxattr',
  ] as const;

  test('of arm and ppc64, whose headers are rarely at hand, are those of their syscall.tbl', () => {
    const inOrder = (architecture: 'arm' | 'ppc64'): unknown[] =>
      NAMES.map((name) => SYSCALL_NUMBERS[architecture]?.[name]);
    assert.deepEqual(inOrder('arm'), [378, 221, 322, 6, 3, 397, 217, 332, 19, 281, 4, 375, 434, 229]);
    assert.deepEqual(inOrder('ppc64'), [354, 55, 286, 6, 3, 383, 202, 296, 19, 326, 4, 350, 434, 212]);
  });

  test('are served for this very architecture', () => {
    assert.ok(SYSCALL_NUMBERS[process.arch] !== undefined);
  });
});
