/** The argument checks: whatever is passed in whatever place gets an error, never a confident wrong answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as api from '../../src/index.ts';

type Attempt = (value: unknown) => unknown;
// The kernel cuts to 32 bits and koffi cuts fractions, so each of these would be answered as some other number.
const WRONG_NUMBERS = [
  -1,
  0.5,
  1.000001,
  NaN,
  Infinity,
  -Infinity,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53,
  -(2 ** 31) - 1,
  1e300,
];
const WRONG_KINDS = [
  '1',
  '',
  1n,
  -1n,
  true,
  false,
  null,
  Symbol('fd'),
  {},
  [],
  [1],
  () => 1,
  new Number(1),
  new Date(1),
  new Uint8Array(1),
  { valueOf: () => 1 },
  { [Symbol.toPrimitive]: () => 1 },
  Promise.resolve(1),
  Object.create(null),
];

// Types forbid most of these calls; what JavaScript may pass is the question here.
type Name =
  | 'kcmp'
  | 'sameFile'
  | 'compareFiles'
  | 'isEpollTarget'
  | 'compareEpollTarget'
  | 'compareTasks'
  | 'packEpollSlot';
const { kcmp, sameFile, compareFiles, isEpollTarget, compareEpollTarget, compareTasks, packEpollSlot } =
  api as unknown as Record<Name, (...args: unknown[]) => unknown>;
const pid = process.pid;
const ref = { pid, fd: 1 };
const target = { pid, efd: 1, tfd: 1 };

/** Every place that takes a number, 0 … 2^31−1, with its name. */
const INT31: Array<[string, Attempt]> = [
  ['pid1', (value) => kcmp(value, pid, 0, 1, 1)],
  ['pid2', (value) => kcmp(pid, value, 0, 1, 1)],
  ['pid1', (value) => kcmp(value, pid, 1)],
  ['pid2', (value) => kcmp(pid, value, 7, 1, target)],
  ['fd1', (value) => kcmp(pid, pid, 0, value, 1)],
  ['fd2', (value) => kcmp(pid, pid, 0, 1, value)],
  ['fd1', (value) => kcmp(pid, pid, 7, value, target)],
  ['a.pid', (value) => sameFile({ pid: value, fd: 1 }, ref)],
  ['a.fd', (value) => sameFile({ pid, fd: value }, ref)],
  ['b.pid', (value) => compareFiles(ref, { pid: value, fd: 1 })],
  ['b.fd', (value) => compareFiles(ref, { pid, fd: value })],
  ['file.pid', (value) => isEpollTarget({ pid: value, fd: 1 }, target)],
  ['file.fd', (value) => compareEpollTarget({ pid, fd: value }, target)],
  ['target.pid', (value) => isEpollTarget(ref, { ...target, pid: value })],
  ['pid1', (value) => compareTasks(value, pid, 'vm')],
  ['pid2', (value) => compareTasks(pid, value, 'vm')],
];

/** Every place that takes a number, 0 … 2^32−1. */
const U32: Array<[string, Attempt]> = ['efd', 'tfd', 'toff'].flatMap(
  (member): Array<[string, Attempt]> => [
    [`slot.${member}`, (value) => kcmp(pid, pid, 7, 1, { ...target, [member]: value })],
    [`target.${member}`, (value) => isEpollTarget(ref, { ...target, [member]: value })],
    [`target.${member}`, (value) => compareEpollTarget(ref, { ...target, [member]: value })],
    [`slot.${member}`, (value) => packEpollSlot({ ...target, [member]: value })],
  ],
);

const OBJECTS: Array<[string, Attempt]> = [
  ['slot', (value) => kcmp(pid, pid, 7, 1, value)],
  ['a', (value) => sameFile(value, ref)],
  ['b', (value) => compareFiles(ref, value)],
  ['file', (value) => isEpollTarget(value, target)],
  ['target', (value) => compareEpollTarget(ref, value)],
  ['slot', (value) => packEpollSlot(value)],
];

function refuses([name, attempt]: [string, Attempt], values: unknown[], code: string, type: string): void {
  for (const value of values) {
    assert.throws(
      () => attempt(value),
      (error: NodeJS.ErrnoException) => {
        assert.equal(error.name, type);
        assert.equal(error.code, code);
        assert.ok(error.message.includes(`"${name}"`), `${error.message} does not name "${name}"`);
        return true;
      },
    );
  }
}

describe('a number', () => {
  test('that is fractional, NaN or out of range is a RangeError ERR_OUT_OF_RANGE that names it', () => {
    for (const place of INT31)
      refuses(place, [...WRONG_NUMBERS, 2 ** 31, 2 ** 32 - 1], 'ERR_OUT_OF_RANGE', 'RangeError');
    for (const place of U32) refuses(place, WRONG_NUMBERS, 'ERR_OUT_OF_RANGE', 'RangeError');
  });

  test('that is of another kind is a TypeError ERR_INVALID_ARG_TYPE that names it', () => {
    for (const place of [...INT31, ...U32]) refuses(place, WRONG_KINDS, 'ERR_INVALID_ARG_TYPE', 'TypeError');
  });

  test('that is missing is a TypeError ERR_INVALID_ARG_TYPE, but for toff', () => {
    const required = [...INT31, ...U32].filter(([name]) => !name.endsWith('toff'));
    for (const place of required) refuses(place, [undefined], 'ERR_INVALID_ARG_TYPE', 'TypeError');
  });

  test('at the end of its range is left to the kernel', () => {
    for (const [, attempt] of INT31) assert.throws(() => attempt(2 ** 31 - 1), { name: 'KcmpError' });
    assert.throws(() => kcmp(pid, pid, 7, 1, { efd: 2 ** 32 - 1, tfd: 0 }), { code: 'EBADF' });
  });

  test('of -0 is 0', () => {
    assert.throws(() => kcmp(-0, pid, 1), { code: 'ESRCH' });
    assert.equal(kcmp(pid, pid, -0, 1, 1), 0);
  });
});

describe('the type', () => {
  test('that is no signed 32-bit integer is refused like any number', () => {
    refuses(
      ['type', (value) => kcmp(pid, pid, value)],
      [0.5, NaN, 2 ** 31, 2 ** 32, 2 ** 32 + 1, -(2 ** 31) - 1],
      'ERR_OUT_OF_RANGE',
      'RangeError',
    );
    refuses(
      ['type', (value) => kcmp(pid, pid, value)],
      ['0', 1n, null, undefined, {}],
      'ERR_INVALID_ARG_TYPE',
      'TypeError',
    );
  });

  test('that is unknown is left to the kernel, which answers EINVAL', () => {
    for (const type of [-1, 8, 100, 2 ** 31 - 1, -(2 ** 31)]) {
      assert.throws(() => kcmp(pid, pid, type), {
        name: 'KcmpError',
        code: 'EINVAL',
        message: new RegExp(`no comparison type ${type}`),
      });
    }
  });

  test('that takes no index refuses one', () => {
    for (const type of [1, 2, 3, 4, 5, 6]) {
      refuses(['fd1', (value) => kcmp(pid, pid, type, value)], [0, 1, null], 'ERR_INVALID_ARG_TYPE', 'TypeError');
      refuses(
        ['fd2', (value) => kcmp(pid, pid, type, undefined, value)],
        [0, target],
        'ERR_INVALID_ARG_TYPE',
        'TypeError',
      );
    }
  });
});

describe('an object', () => {
  test('that is none is a TypeError ERR_INVALID_ARG_TYPE that names it', () => {
    const wrong = [undefined, null, 1, 1n, 'x', true, Symbol('x'), () => ref];
    for (const place of OBJECTS) refuses(place, wrong, 'ERR_INVALID_ARG_TYPE', 'TypeError');
  });

  test('is read once, so that a getter cannot change what was checked', () => {
    let reads = 0;
    const changing = {
      pid,
      get fd() {
        return reads++ === 0 ? 1 : 1.5;
      },
    };
    assert.equal(sameFile(changing, ref), true);
    assert.equal(reads, 1);
  });
});

test('a resource that is unknown is a TypeError ERR_INVALID_ARG_VALUE that lists the known ones', () => {
  for (const resource of ['', 'VM', 'file', 'epoll', 'constructor', '__proto__']) {
    assert.throws(() => compareTasks(pid, pid, resource), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
      message: /vm, files, fs, sighand, io, sysvsem/,
    });
  }
  for (const resource of [undefined, null, 1, {}, ['vm'], new String('vm')]) {
    assert.throws(() => compareTasks(pid, pid, resource), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test('an error prints any value that it refuses, whatever its own toString does', () => {
  const hostile = {
    toString() {
      throw new Error('hostile');
    },
    [Symbol.for('nodejs.util.inspect.custom')]() {
      throw new Error('hostile');
    },
  };
  assert.throws(() => kcmp(hostile, pid, 1), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => compareTasks(pid, pid, hostile), { code: 'ERR_INVALID_ARG_TYPE' });
});
