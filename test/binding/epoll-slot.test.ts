/** layout: struct kcmp_epoll_slot and its 12 bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { packEpollSlot, unpackEpollSlot } from '../../src/index.ts';

const MAX = 2 ** 32 - 1;

describe('packEpollSlot', () => {
  test('writes efd, tfd and toff as three little-endian u32', () => {
    const bytes = packEpollSlot({ efd: 0x01020304, tfd: 0x05060708, toff: 0x090a0b0c });
    assert.deepEqual([...bytes], [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9]);
  });

  test('writes 12 bytes, not the 16 that the manual page would make it', () => {
    assert.equal(packEpollSlot({ efd: 1, tfd: 2, toff: 3 }).byteLength, 12);
  });

  test('takes a toff that is left out, or undefined, for 0', () => {
    const expected = packEpollSlot({ efd: 3, tfd: 4, toff: 0 });
    assert.deepEqual(packEpollSlot({ efd: 3, tfd: 4 }), expected);
    assert.deepEqual(packEpollSlot({ efd: 3, tfd: 4, toff: undefined } as never), expected);
  });

  test('keeps the largest u32 whole', () => {
    assert.deepEqual([...packEpollSlot({ efd: MAX, tfd: MAX, toff: MAX })], new Array(12).fill(255));
  });

  test('answers with memory of its own every time', () => {
    const first = packEpollSlot({ efd: 1, tfd: 1 });
    const second = packEpollSlot({ efd: 2, tfd: 2 });
    assert.notEqual(first.buffer, second.buffer);
    assert.equal(first.buffer.byteLength, 12);
    assert.equal(first[0], 1);
  });
});

describe('unpackEpollSlot', () => {
  test('reads back what was packed', () => {
    for (const slot of [
      { efd: 0, tfd: 0, toff: 0 },
      { efd: 5, tfd: 300, toff: 70_000 },
      { efd: MAX, tfd: 1, toff: 2 ** 31 },
    ]) {
      assert.deepEqual(unpackEpollSlot(packEpollSlot(slot)), slot);
    }
  });

  test('reads a view at an odd offset of a larger buffer', () => {
    const larger = Buffer.alloc(32, 0xee);
    larger.set(packEpollSlot({ efd: 7, tfd: 8, toff: 9 }), 3);
    assert.deepEqual(unpackEpollSlot(larger.subarray(3, 15)), { efd: 7, tfd: 8, toff: 9 });
  });

  test('reads a view of another realm, such as a test runner makes', () => {
    const foreign = runInNewContext('Uint8Array.of(7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0)') as Uint8Array;
    assert.equal(foreign instanceof Uint8Array, false);
    assert.deepEqual(unpackEpollSlot(foreign), { efd: 7, tfd: 8, toff: 9 });
  });

  test('refuses any other length with ERR_OUT_OF_RANGE', () => {
    for (const length of [0, 4, 11, 13, 16]) {
      const expected = {
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
        message: /"bytes".*12 bytes long.*Received \d+ bytes/,
      };
      assert.throws(() => unpackEpollSlot(new Uint8Array(length)), expected);
    }
  });

  test('refuses what is no Uint8Array with ERR_INVALID_ARG_TYPE', () => {
    const wrong = [
      undefined,
      null,
      12,
      '012345678901',
      new Array(12).fill(0),
      new ArrayBuffer(12),
      new Uint16Array(6),
      new DataView(new ArrayBuffer(12)),
      { length: 12 },
    ];
    for (const bytes of wrong) {
      assert.throws(() => unpackEpollSlot(bytes as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
  });

  test('refuses bytes whose memory was transferred away', () => {
    const bytes = packEpollSlot({ efd: 1, tfd: 2 });
    structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    assert.throws(() => unpackEpollSlot(bytes), { code: 'ERR_OUT_OF_RANGE' });
  });
});
