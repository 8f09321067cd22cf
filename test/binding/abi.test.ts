/** abi: the numbers of <linux/kcmp.h> and of the system calls, against the system's own headers where it has them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { F_DUPFD_QUERY, SYSCALL_NUMBERS, TASK_RESOURCE_TYPES } from '../../src/binding/abi.ts';
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
const KCMP_H = '/usr/include/linux/kcmp.h';
const FCNTL_H = '/usr/include/linux/fcntl.h';

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
  const NAMES = ['kcmp', 'fcntl', 'openat', 'close', 'read', 'statx', 'getdents64', 'readlinkat', 'lseek'] as const;

  for (const [header, wide, architectures] of [
    ['x86_64-linux-gnu/asm/unistd_64.h', '', ['x64']],
    ['x86_64-linux-gnu/asm/unistd_32.h', '64', ['ia32']],
    ['asm-generic/unistd.h', '', ['arm64', 'riscv64', 'loong64']],
  ] as const) {
    const path = `/usr/include/${header}`;
    test(`of ${architectures.join(', ')} are those of ${header}`, { skip: missing(path) }, () => {
      const text = readFileSync(path, 'utf8');
      const numberOf = (name: string): number => Number(new RegExp(`__NR(?:3264)?_${name} (\\d+)`).exec(text)?.[1]);
      // On 32 bits fcntl64 takes the locks that fcntl has on 64.
      const expected = Object.fromEntries(
        NAMES.map((name) => [name, numberOf(name === 'fcntl' ? `fcntl${wide}` : name)]),
      );
      for (const architecture of architectures) assert.deepEqual(SYSCALL_NUMBERS[architecture], expected);
    });
  }

  test('of arm and ppc64, whose headers are rarely at hand, are those of their syscall.tbl', () => {
    const inOrder = (architecture: 'arm' | 'ppc64'): unknown[] =>
      NAMES.map((name) => SYSCALL_NUMBERS[architecture]?.[name]);
    assert.deepEqual(inOrder('arm'), [378, 221, 322, 6, 3, 397, 217, 332, 19]);
    assert.deepEqual(inOrder('ppc64'), [354, 55, 286, 6, 3, 383, 202, 296, 19]);
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
