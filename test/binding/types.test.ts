/**
 * The types: each line below an `@ts-expect-error` must not compile, and throws when it is run all the same.
 * The compiler reports a line that would compile after all as an unused directive.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  compareFiles,
  compareTasks,
  identifyFiles,
  isEpollTarget,
  kcmp,
  KCMP_EPOLL_TFD,
  KCMP_FILE,
  KCMP_IO,
  KCMP_VM,
  packEpollSlot,
  probe,
  sameFile,
  taskSharing,
  unpackEpollSlot,
  type EpollSlot,
  type EpollTarget,
  type EpollTargetRef,
  type FileIdentity,
  type FileRef,
  type KcmpIndices,
  type KcmpResult,
  type KcmpSupport,
  type KcmpType,
  type Ordering,
  type OtherEnd,
} from '../../src/index.ts';
import '../support/leash.ts';

const { pid } = process;
const slot: EpollSlot = { efd: 1, tfd: 1 };
const file: FileRef = { pid, fd: 1 };
const target: EpollTargetRef = { pid, efd: 1, tfd: 1 };
const refused = (run: () => unknown): void => assert.throws(run, { code: 'ERR_INVALID_ARG_TYPE' });

describe('what cannot be does not compile, and throws', () => {
  test('a slot with KCMP_FILE', () => {
    // @ts-expect-error KCMP_FILE compares two descriptors
    refused(() => kcmp(pid, pid, KCMP_FILE, 1, slot));
  });

  test('a descriptor in place of the slot of KCMP_EPOLL_TFD', () => {
    // @ts-expect-error KCMP_EPOLL_TFD wants a slot
    refused(() => kcmp(pid, pid, KCMP_EPOLL_TFD, 1, 1));
  });

  test('a descriptor with a type that compares whole tasks', () => {
    // @ts-expect-error KCMP_VM takes no index
    refused(() => kcmp(pid, pid, KCMP_VM, 1));
    // @ts-expect-error KCMP_IO takes no indices
    refused(() => kcmp(pid, pid, KCMP_IO, 1, 1));
  });

  test('a missing index', () => {
    // @ts-expect-error one descriptor is missing
    refused(() => kcmp(pid, pid, KCMP_FILE, 1));
    // @ts-expect-error both descriptors are missing
    refused(() => kcmp(pid, pid, KCMP_FILE));
    // @ts-expect-error the slot is missing
    refused(() => kcmp(pid, pid, KCMP_EPOLL_TFD, 1));
  });

  test('a member that is missing or of another kind', () => {
    // @ts-expect-error tfd is missing
    refused(() => packEpollSlot({ efd: 1 }));
    // @ts-expect-error a slot holds numbers
    refused(() => packEpollSlot({ efd: 1, tfd: 1n }));
    // @ts-expect-error pid is missing
    refused(() => sameFile({ fd: 1 }, file));
    // @ts-expect-error a descriptor is a number
    refused(() => compareFiles(file, { pid, fd: '1' }));
    // @ts-expect-error a slot alone has no pid
    refused(() => isEpollTarget(file, slot));
    // @ts-expect-error an array is no Uint8Array
    refused(() => unpackEpollSlot([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  });

  test('a type or a resource that does not exist', () => {
    // @ts-expect-error there is no type 8
    assert.throws(() => kcmp(pid, pid, 8), { code: 'EINVAL' });
    // @ts-expect-error descriptors are compared by compareFiles
    assert.throws(() => compareTasks(pid, pid, 'file'), { code: 'ERR_INVALID_ARG_VALUE' });
  });
});

describe('what can be compiles', () => {
  test('an answer is as narrow as it can be', () => {
    const result: KcmpResult = kcmp(pid, pid, KCMP_FILE, 1, 1);
    const ordering: Ordering = compareFiles(file, file);
    const unpacked: Required<EpollSlot> = unpackEpollSlot(packEpollSlot(slot));
    const support: KcmpSupport = probe();
    assert.deepEqual([result, ordering, unpacked.toff, support.status], [0, 0, 0, 'available']);
  });

  test('a target serves as a slot, and a comparator as an argument of sort', () => {
    assert.equal(packEpollSlot(target).byteLength, 12);
    assert.equal([file, file].sort(compareFiles).length, 2);
    const type: KcmpType = KCMP_EPOLL_TFD;
    assert.equal(type, 7);
  });
});

describe('what depends on another value', () => {
  test('a comparison type that is known only when it runs takes what any of them takes', () => {
    const types: KcmpType[] = [KCMP_VM, KCMP_IO];
    for (const type of types) assert.equal(typeof kcmp(pid, pid, type), 'number');
    const type: KcmpType = JSON.parse('0');
    const indices: KcmpIndices<KcmpType> = [1, 1];
    assert.equal(kcmp(pid, pid, type, ...indices), 0);
    // @ts-expect-error of none of them
    refused(() => kcmp(pid, pid, type, '1', 1));
  });

  test('the reason is there where a state is unknown, or a target unresolved', () => {
    const [end] = [{ state: 'unknown', reason: 'why', name: null, via: 'kernel', holders: [], ends: [] }] as OtherEnd[];
    const why: string = end?.state === 'unknown' ? end.reason : (end?.reason ?? '');
    assert.equal(why, 'why');
    const targets: EpollTarget[] = [];
    for (const one of targets) {
      const reasons: readonly string[] = one.status === 'unresolved' ? [one.reason, ...one.elsewhere.map(String)] : [];
      assert.deepEqual([reasons, one.reason, one.elsewhere], []);
    }
    // @ts-expect-error without a reason
    const untold: OtherEnd = { state: 'unknown', name: null, via: 'kernel', holders: [], ends: [] };
    assert.equal(untold.state, 'unknown');
  });

  test('the reason is there where the relation is unknown, and the code where the verdict is', () => {
    const identity = identifyFiles(file, file);
    const reason: string = identity.relation === 'unknown' ? identity.reason : identity.via;
    assert.equal(reason, 'kcmp');
    for (const pair of taskSharing([pid, pid]).resources.vm) {
      const code: string = pair.verdict === 'unknown' ? pair.code : '';
      assert.equal(code, '');
    }
    // @ts-expect-error where it is known, there is none
    const known: FileIdentity = { relation: 'same', via: 'kcmp', reason: 'because' };
    assert.ok(known);
  });
});

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

test('the compiler agrees with every line of this file', {
  skip: !existsSync(TSC) && 'typescript is not installed',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-types-'));
  try {
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(ROOT, 'node_modules/@types')] },
      include: [],
      files: [fileURLToPath(import.meta.url)],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout, stderr } = spawnSync(process.execPath, [TSC, '--noEmit', '-p', folder], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
