/** Arguments with code of their own, getters and Proxies that throw: invalid arguments, which are looked at no further. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as api from '../../src/index.ts';
import * as promises from '../../src/promises.ts';

const { pid } = process;
const ref = { pid, fd: 0 };
const target = { pid, efd: 0, tfd: 0 };
const BOOM = new Error('thrown by the argument');

/** What throws, and how often it was asked. */
interface Hostile {
  value: unknown;
  asked: () => number;
}

/** An object that throws whatever is done with it. */
function proxy(inner: object = {}): Hostile {
  let count = 0;
  const trap = (): never => {
    count++;
    throw BOOM;
  };
  const names = Object.getOwnPropertyNames(Reflect) as Array<keyof ProxyHandler<object>>;
  const handler = Object.fromEntries(names.map((name) => [name, trap]));
  return { value: new Proxy(inner, handler), asked: () => count };
}

/** An object with one member that throws. */
function getter(name: string | symbol, rest: object = {}): Hostile {
  let count = 0;
  const get = (): never => {
    count++;
    throw BOOM;
  };
  return { value: Object.defineProperty(rest, name, { get, enumerable: true }), asked: () => count };
}

function revoked(): Hostile {
  const { proxy: value, revoke } = Proxy.revocable({}, {});
  revoke();
  return { value, asked: () => 1 };
}

// Types forbid none of these: what code runs behind a member is not theirs to say.
const {
  sameFile,
  compareFiles,
  isEpollTarget,
  compareEpollTarget,
  compareTasks,
  kcmp,
  packEpollSlot,
  unpackEpollSlot,
} = api as unknown as Record<string, (...args: unknown[]) => unknown> & typeof api;
const any = (value: unknown): never => value as never;

const REFS: Array<[string, (value: unknown) => unknown]> = [
  ['a', (value) => sameFile(any(value), ref)],
  ['b', (value) => compareFiles(ref, any(value))],
  ['file', (value) => isEpollTarget(any(value), target)],
  ['file', (value) => compareEpollTarget(any(value), target)],
  ['a', (value) => api.identifyFiles(any(value), ref)],
  ['file', (value) => api.findHolders(any(value))],
];
const SLOTS: Array<[string, (value: unknown) => unknown]> = [
  ['slot', (value) => kcmp(pid, pid, 7, 0, any(value))],
  ['slot', (value) => packEpollSlot(any(value))],
  ['target', (value) => isEpollTarget(ref, any(value))],
];
const OPTIONS: Array<[string, (value: unknown) => unknown]> = [
  ['options', (value) => api.findHolders(ref, any(value))],
  ['options', (value) => api.groupFiles(any(value))],
  ['options', (value) => api.resolveEpoll(pid, 0, any(value))],
  ['options', (value) => api.findInherited(pid, any(value))],
  ['options', (value) => api.assertNoInherited(pid, any(value))],
];
const LISTS: Array<[string, (value: unknown) => unknown]> = [
  ['options.pids', (value) => api.groupFiles({ pids: any(value) })],
  ['options.pids', (value) => api.findHolders(ref, { pids: any(value) })],
  ['options.allow', (value) => api.findInherited(pid, { allow: any(value) })],
  ['ids', (value) => api.taskSharing(any(value))],
];

function refused(error: unknown, name: string, { asked }: Hostile): void {
  assert.ok(error instanceof TypeError, `${error}`);
  assert.equal((error as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_VALUE');
  assert.match(error.message, new RegExp(`'${name}'`));
  assert.doesNotMatch(`${error.stack}`, /thrown by the argument/);
  assert.equal(asked(), 1, 'asked once');
}

function refuses(places: typeof REFS, make: () => Hostile): void {
  for (const [name, attempt] of places) {
    const hostile = make();
    try {
      attempt(hostile.value);
    } catch (error) {
      refused(error, name, hostile);
      continue;
    }
    assert.fail(`${name} was taken`);
  }
}

describe('an argument that throws when it is read is invalid, and is not read again:', () => {
  test('a Proxy', () => {
    for (const places of [REFS, SLOTS, OPTIONS, LISTS]) refuses(places, proxy);
    refuses([['bytes', (value) => unpackEpollSlot(any(value))]], () => getter('byteLength', new Uint8Array(12)));
  });

  test('one that was revoked', () => {
    for (const places of [REFS, SLOTS, OPTIONS, LISTS]) refuses(places, revoked);
  });

  test('an object with a getter', () => {
    refuses(REFS, () => getter('fd', { pid }));
    refuses(SLOTS, () => getter('toff', { ...target }));
    refuses(OPTIONS, () => getter('onProgress'));
    refuses([['options', (value) => api.groupFiles(any(value))]], () => getter('minHolders'));
  });

  test('a list, at its start and further on', () => {
    refuses(LISTS, () => getter(Symbol.iterator));
    refuses(LISTS, () => {
      let asked = 0;
      function* list(): Generator<number> {
        yield pid;
        asked++;
        throw BOOM;
      }
      return { value: list(), asked: () => asked };
    });
  });

  test('a regular expression', () => {
    const allow = (value: unknown): unknown => api.findInherited(pid, { allow: [any(value)] });
    refuses([['options.allow', allow]], () => getter('flags', /x/));
  });

  test('what it threw is the cause', () => {
    const { value } = proxy();
    assert.throws(
      () => sameFile(any(value), ref),
      (error: Error) => error.cause === BOOM,
    );
  });

  test('a promise is rejected for it', async () => {
    const { value } = getter('aborted');
    for (const [name, asked] of [
      ['options', () => promises.groupFiles(any(proxy().value))],
      ['options.signal', () => promises.taskSharing([pid], { signal: any(value) })],
    ] as const)
      await assert.rejects(asked(), { code: 'ERR_INVALID_ARG_VALUE', message: new RegExp(`'${name}'`) });
  });
});

test('a value of the wrong kind is refused whatever it does when it is printed', () => {
  const tagged = (): unknown => getter(Symbol.toStringTag).value;
  const below = (): unknown => Object.create(proxy().value as object);
  for (const make of [tagged, below, () => proxy().value, () => proxy(() => {}).value, () => revoked().value]) {
    assert.throws(() => kcmp(any(make()), pid, 1), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => compareTasks(pid, pid, any(make())), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test('probe never throws, whatever its options do', () => {
  const unprintable = {
    get isolated(): never {
      throw { toString: null, valueOf: null };
    },
  };
  for (const options of [proxy().value, revoked().value, unprintable])
    assert.equal(api.probe(any(options)).status, 'unknown');
});
