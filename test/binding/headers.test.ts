/**
 * Every number, structure and constant of the kernel's that is written down in src, against the headers of each
 * architecture that are installed: on the machines of `npm run test:machines` its own are. Loads nothing native.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { describe, test } from 'node:test';
import * as abi from '../../src/binding/abi.ts';
import { EPOLL_SLOT_SIZE, packEpollSlot } from '../../src/binding/epoll-slot.ts';
import { eventNames } from '../../src/procfs/epoll-events.ts';
import { O_CLOEXEC, O_PATH } from '../../src/procfs/fdinfo.ts';
import { callsOf } from '../../src/procfs/raw/syscall.ts';
import { asmFolder, Headers, KNOWN, type Known } from '../support/headers.ts';

/** These need no <asm/…> of their own: the kernel's generic table is theirs. */
const GENERIC: Known[] = ['arm64', 'riscv64', 'loong64'];
/** On 32 bits fcntl64 takes the locks that fcntl has on 64. */
const WIDE: Known[] = ['ia32', 'arm'];

const isInstalled = (architecture: Known): boolean => asmFolder(architecture) !== undefined;

const headersOf = (architecture: Known): Headers =>
  new Headers(architecture, isInstalled(architecture) ? 'asm/unistd.h' : 'asm-generic/unistd.h');

for (const architecture of KNOWN.filter((name) => isInstalled(name) || GENERIC.includes(name))) {
  test(`the system call numbers of ${architecture} are those of its headers`, () => {
    const headers = headersOf(architecture);
    const numbers = abi.SYSCALL_NUMBERS[architecture] as abi.SyscallNumbers;
    const macro = (name: string): string =>
      `__NR_${name === 'fcntl' && WIDE.includes(architecture) ? 'fcntl64' : name}`;
    const expected = Object.keys(numbers).map((name) => [name, headers.value(macro(name))]);
    assert.deepEqual(numbers, Object.fromEntries(expected));
  });

  test(`the calls of ${architecture} in which a task may be seen to wait have the numbers of its headers`, () => {
    const headers = headersOf(architecture);
    // What takes wider numbers than it did is told by the old name.
    const isOf = (name: string, number: number): boolean =>
      ['', '64', '_time64'].some((suffix) => headers.value(`__NR_${name}${suffix}`) === number);
    const { waiting, aside, opening } = callsOf(architecture);
    assert.ok(waiting.size > 15 && aside.size > 6 && opening.size > 1);
    assert.deepEqual(
      [...waiting, ...aside, ...opening].filter(([number, name]) => !isOf(name, number)),
      [],
    );
  });
}

const here = KNOWN.find((name) => name === process.arch);
const HEADERS = ['linux/kcmp.h', 'linux/fcntl.h', 'linux/stat.h', 'linux/eventpoll.h'];

describe('on this architecture', {
  skip: (here === undefined || !isInstalled(here)) && 'the headers are not installed',
}, () => {
  const headers = new Headers(here ?? 'x64', ...HEADERS);

  test('the comparison types are enum kcmp_type', () => {
    const { KCMP_TYPES: _, ...types } = headers.enumeration('kcmp_type');
    assert.deepEqual(types, Object.fromEntries(Object.entries(abi).filter(([name]) => name.startsWith('KCMP_'))));
  });

  test('a packed slot is struct kcmp_epoll_slot', () => {
    const { size, offsets } = headers.layout('kcmp_epoll_slot');
    assert.equal(EPOLL_SLOT_SIZE, size);
    const bytes = new DataView(packEpollSlot({ efd: 1, tfd: 2, toff: 3 }).buffer);
    const read = Object.entries(offsets).map(([name, offset]) => [name, bytes.getUint32(offset, true)]);
    assert.deepEqual(Object.fromEntries(read), { efd: 1, tfd: 2, toff: 3 });
  });

  test('the fields of struct statx are where they are read', () => {
    const { size, offsets } = headers.layout('statx');
    assert.equal(size, 256);
    assert.deepEqual(
      [
        abi.STX_MASK,
        abi.STX_NLINK,
        abi.STX_UID,
        abi.STX_MODE,
        abi.STX_INO,
        abi.STX_SIZE,
        abi.STX_BLOCKS,
        abi.STX_DEV_MAJOR,
        abi.STX_DEV_MINOR,
        abi.STX_MNT_ID,
      ],
      ['mask', 'nlink', 'uid', 'mode', 'ino', 'size', 'blocks', 'dev_major', 'dev_minor', 'mnt_id'].map(
        (name) => offsets[`stx_${name}`],
      ),
    );
    const mask = (...names: string[]): number => names.reduce((mask, name) => mask | headers.value(`STATX_${name}`), 0);
    assert.equal(abi.STATX_TYPE_MODE_INO, mask('TYPE', 'MODE', 'INO'));
    assert.equal(abi.STATX_NLINK_UID_SIZE, mask('NLINK', 'UID', 'SIZE'));
    assert.equal(abi.STATX_BLOCKS, mask('BLOCKS'));
    assert.equal(abi.STATX_MNT_ID, mask('MNT_ID'));
  });

  test('the constants are those of <linux/fcntl.h>', () => {
    const { AT_FDCWD, AT_STATX_DONT_SYNC, F_DUPFD_QUERY } = abi;
    const { O_DIRECTORY } = constants;
    for (const [name, value] of Object.entries({ AT_FDCWD, AT_STATX_DONT_SYNC, O_CLOEXEC, O_PATH, O_DIRECTORY }))
      assert.equal(value, headers.value(name), name);
    const query = headers.value('F_DUPFD_QUERY'); // since Linux 6.10
    if (!Number.isNaN(query)) assert.equal(F_DUPFD_QUERY, query);
  });

  test('the events have the names of <linux/eventpoll.h>', () => {
    const events = headers.values(/^EPOLL(?!_)|^EPOLL_URING_WAKE$/);
    assert.ok(Object.keys(events).length >= 16);
    for (const [name, bit] of Object.entries(events)) assert.deepEqual(eventNames(bit), [name]);
  });
});
