/** Random arguments of every kind to every public function: an answer of the documented type, or a documented error. */
import assert from 'node:assert/strict';
import { AssertionError } from 'node:assert';
import { spawn } from 'node:child_process';
import { inspect } from 'node:util';
import { test } from 'node:test';
import * as api from '../../src/index.ts';
import { Fds } from '../support/brute.ts';
import '../support/leash.ts';
import { Random, SEED } from '../support/random.ts';

type Row = {
  call: (...args: any[]) => unknown;
  args: Array<() => unknown>;
  good: (answer: any) => boolean;
  rounds: number;
};

const ARGUMENT_CODES = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE'];
const SUBJECT_CODES = ['ESRCH', 'EBADF', 'EINVAL', 'EACCES', 'EPERM'];
const TASK_RESOURCES = ['vm', 'files', 'fs', 'sighand', 'io', 'sysvsem'];
const isArrayOf =
  (kind: string) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every((item) => typeof item === kind);
const isReport =
  (...names: string[]) =>
  (value: Record<string, any>): boolean =>
    names.every((name) => Array.isArray(value[name])) && Array.isArray(value['coverage']?.skipped);
const isOrdering = (value: unknown): boolean => value === -1 || value === 0 || value === 1;
const REFERENCES = [
  `${process.pid}:0`,
  ':1',
  'udp:53',
  '[::1]:9',
  '127.0.0.1:1',
  '8080/tcp',
  'socket:[1]',
  'pipe:[2]',
  'unix:@x',
  'memfd:x',
  '/dev/null',
  '/nowhere/x',
  'node',
  '',
  ':',
  ':99999',
  'pipe:[]',
  '/\0',
];
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

/** Is the error one that the documentation of the function names? */
function isDocumented(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (error instanceof TypeError) return ARGUMENT_CODES.includes(code);
  if (error instanceof RangeError) return code === 'ERR_OUT_OF_RANGE';
  if (error instanceof api.KcmpError) return /^E[A-Z]+$/.test(code) && error.errno < 0 && error.syscall === 'kcmp';
  if (error instanceof AssertionError) return code === 'ERR_ASSERTION';
  return error instanceof Error && SUBJECT_CODES.includes(code);
}

test('every call with random arguments gives an answer of the documented type or a documented error', async (t) => {
  t.diagnostic(`seed ${SEED}; KCMP_SEED=${SEED} repeats it`);
  const random = new Random(SEED);
  const fds = new Fds();
  const other = spawn('sleep', ['300'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = spawn('true').pid ?? 0;
  try {
    const efd = fds.epoll(...fds.pipe().slice(0, 1), fds.eventfd());
    const { pid } = process;

    const WRONG: Array<() => unknown> = [
      () => undefined,
      () => null,
      () => true,
      () => '',
      () => '3',
      () => `${pid}`,
      () => 3n,
      () => Symbol('s'),
      () => () => 1,
      () => [],
      () => ({}),
      () => new Date(0),
      () => new Uint8Array(12),
      () => Object.create(null),
      () => ({ valueOf: () => 3 }),
      () => ({ [Symbol.toPrimitive]: () => assert.fail('converted') }),
      () => /x/,
      () => new Number(3),
    ];
    const EDGES = [
      -1,
      -0,
      0.5,
      2.5,
      NaN,
      Infinity,
      -Infinity,
      2 ** 31,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 32,
      2 ** 32 - 1,
      2 ** 32 + 3,
      2 ** 53,
      1e300,
      5e-324,
    ];
    const wrong = (): unknown => (random.below(2) === 0 ? random.pick(WRONG)() : random.pick(EDGES));
    /** Now and then something that is no such thing at all. */
    const mostly =
      (make: () => unknown, oneIn: number = 6) =>
      (): unknown =>
        random.below(oneIn) === 0 ? wrong() : make();
    const task = mostly(() => random.pick([pid, pid, other.pid, ended, 2, 0, 2 + random.below(2 ** 22)]));
    const fd = mostly(() => random.pick([0, 1, 2, efd, efd, random.below(40), random.next() >>> 1]));
    const index = mostly(() => random.pick([0, 1, efd, efd + 1, random.below(40), random.next()]));
    const type = mostly(() => random.below(12) - 2);
    const file = mostly(() => ({ pid: task(), fd: fd() }));
    const slot = mostly(() => ({ efd: index(), tfd: index(), ...(random.below(2) === 0 ? {} : { toff: index() }) }));
    const target = mostly(() => ({ pid: task(), ...(slot() as object | null) }));
    const resource = mostly(() => random.pick(TASK_RESOURCES));
    const bytes = mostly(() =>
      Uint8Array.from({ length: random.pick([12, 12, 12, 0, 11, 13]) }, () => random.below(256)),
    );
    const iterable = (make: () => unknown) => (): unknown => {
      const items = Array.from({ length: random.below(4) }, make);
      return random.pick([() => items, () => new Set(items), () => items.values(), () => wrong() ?? items])();
    };
    // Always with `pids`: a scan of the whole machine takes a thousand times as long as a call.
    const options =
      (more: () => object = () => ({})) =>
      (): unknown =>
        random.below(8) === 0
          ? random.pick([null, 1, 'pids', true, 3n])
          : {
              pids: iterable(task)(),
              ...(random.below(4) === 0 ? { onProgress: random.pick([() => {}, undefined, wrong()]) } : {}),
              ...more(),
            };
    const allow = (): unknown => iterable(() => random.pick([fd(), 'pipe:*', /./, wrong()]))();
    const inheritedOptions = mostly(() => ({
      ...(random.below(4) === 0 ? {} : { from: random.pick([pid, other.pid, task()]) }),
      ...(random.below(2) === 0 ? { allow: allow() } : {}),
      ...(random.below(4) === 0 ? { unexplained: random.pick(['ignore', undefined, wrong()]) } : {}),
    }));

    const rows: Record<string, Row> = {
      kcmp: {
        call: api.kcmp,
        args: [task, task, type, mostly(fd), mostly(() => random.pick([fd, slot])())],
        good: (a) => [0, 1, 2, 3].includes(a),
        rounds: 20_000,
      },
      sameFile: { call: api.sameFile, args: [file, file], good: isBoolean, rounds: 10_000 },
      compareFiles: { call: api.compareFiles, args: [file, file], good: isOrdering, rounds: 10_000 },
      isEpollTarget: { call: api.isEpollTarget, args: [file, target], good: isBoolean, rounds: 10_000 },
      compareEpollTarget: { call: api.compareEpollTarget, args: [file, target], good: isOrdering, rounds: 10_000 },
      compareTasks: { call: api.compareTasks, args: [task, task, resource], good: isOrdering, rounds: 10_000 },
      packEpollSlot: {
        call: api.packEpollSlot,
        args: [slot],
        good: (a) => a instanceof Uint8Array && a.length === 12,
        rounds: 8000,
      },
      unpackEpollSlot: {
        call: api.unpackEpollSlot,
        args: [bytes],
        good: ({ efd, tfd, toff }) => [efd, tfd, toff].every((n) => n >>> 0 === n),
        rounds: 8000,
      },
      // `isolated: true` starts a process, and has tests of its own.
      probe: {
        call: api.probe,
        args: [() => random.pick([undefined, {}, null, 1, 'x', { isolated: 1 }])],
        good: ({ status, types }) => typeof status === 'string' && typeof types === 'object',
        rounds: 2000,
      },
      fileOf: {
        call: api.fileOf,
        args: [mostly(() => random.pick([process.stdin, other.stdout, other, 0, 2 ** 20]), 2)],
        good: ({ pid, fd }) => pid === process.pid && typeof fd === 'number',
        rounds: 4000,
      },
      identifyFiles: {
        call: api.identifyFiles,
        args: [file, file],
        good: ({ relation, via }) => /^(same|different|unknown)$/.test(relation) && typeof via === 'string',
        rounds: 8000,
      },
      taskSharing: {
        call: api.taskSharing,
        args: [iterable(task)],
        good: ({ tasks, resources }) =>
          Array.isArray(tasks) && TASK_RESOURCES.every((name) => Array.isArray(resources[name])),
        rounds: 2000,
      },
      listEpolls: { call: api.listEpolls, args: [task], good: isArrayOf('number'), rounds: 1000 },
      readEpoll: { call: api.readEpoll, args: [task, fd], good: isArrayOf('object'), rounds: 1000 },
      resolveEpoll: {
        call: api.resolveEpoll,
        args: [task, fd, options()],
        good: isReport('targets', 'instance'),
        rounds: 1000,
      },
      findHolders: {
        call: api.findHolders,
        args: [file, options()],
        good: isReport('holders', 'sameInode'),
        rounds: 1000,
      },
      findOpen: {
        call: api.findOpen,
        args: [mostly(() => random.pick(REFERENCES)), options()],
        good: isReport('files', 'elsewhere', 'unheld'),
        rounds: 300,
      },
      groupFiles: {
        call: api.groupFiles,
        args: [options(() => (random.below(3) === 0 ? { minHolders: mostly(() => random.below(4))() } : {}))],
        good: isReport('groups'),
        rounds: 1000,
      },
      findInherited: {
        call: api.findInherited,
        args: [task, inheritedOptions],
        good: isReport('inherited', 'unexplained'),
        rounds: 1000,
      },
      inheritedByUs: { call: api.inheritedByUs, args: [], good: Array.isArray, rounds: 20 },
      assertNoInherited: {
        call: api.assertNoInherited,
        args: [task, inheritedOptions],
        good: (a) => a === undefined,
        rounds: 1000,
      },
    };
    const functions = Object.entries(api)
      .filter(([name, value]) => typeof value === 'function' && name !== 'KcmpError')
      .map(([name]) => name);
    assert.deepEqual(Object.keys(rows).sort(), functions.sort(), 'every public function is here');

    const offences: string[] = [];
    let [answers, errors] = [0, 0];
    for (const [name, { call, args, good, rounds }] of Object.entries(rows)) {
      let ofThis = 0;
      const start = performance.now();
      for (let round = 0; round < rounds && ofThis < 3; round++) {
        const given = args
          .slice(0, random.below(30) === 0 ? random.below(args.length + 1) : args.length)
          .map((make) => make());
        // A scan of the whole machine is for other tests.
        if (name === 'groupFiles' && given[0] === undefined) continue;
        if (/^(resolveEpoll|findHolders|findOpen)$/.test(name) && given.at(-1) === undefined) continue;
        try {
          const answer = call(...given);
          answers++;
          if (!good(answer)) offences.push(`${name}(${inspect(given)}) answered ${inspect(answer)}`), ofThis++;
        } catch (error) {
          errors++;
          if (!isDocumented(error)) offences.push(`${name}(${inspect(given)}) threw ${inspect(error)}`), ofThis++;
        }
      }
      if (process.env['KCMP_FUZZ_TIMES']) t.diagnostic(`${name} ${(performance.now() - start).toFixed(0)} ms`);
    }
    t.diagnostic(`${answers} answers, ${errors} errors`);
    assert.deepEqual(offences, []);
    assert.ok(answers > 1000 && errors > 1000);
  } finally {
    other.kill('SIGKILL');
    fds.closeAll();
  }
});
