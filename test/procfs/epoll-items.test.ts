import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEpollItems } from '../../src/procfs/epoll-items.ts';
import { load } from '../support/load.ts';

const HEAD = 'pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1057\n';
const MODERN = 'tfd:        5 events:       19 data:                5  pos:0 ino:1f sdev:e\n';
const IN = ['EPOLLIN', 'EPOLLERR', 'EPOLLHUP'];
const bare = { tfd: 5, toff: 0, events: 0x19, eventNames: IN, data: 5n };

test('a line since Linux 4.13 has position, inode and device', () => {
  assert.deepEqual(parseEpollItems(HEAD + MODERN), [{ ...bare, pos: 0, ino: 0x1fn, sdev: 0xe }]);
});

test('a line before Linux 4.13 has none of them', () => {
  assert.deepEqual(parseEpollItems('pos:\t0\nflags:\t02\ntfd:        5 events:       19 data:                5\n'), [
    bare,
  ]);
});

test('a text may end without a newline, and have carriage returns', () => {
  assert.deepEqual(parseEpollItems('tfd: 5 events: 19 data: 5'), [bare]);
  assert.deepEqual(parseEpollItems('tfd: 5 events: 19 data: 5\r\ntfd: 6 events: 19 data: 5\r'), [
    bare,
    { ...bare, tfd: 6 },
  ]);
});

test('numbers keep all of their bits', () => {
  const [item] = parseEpollItems(
    'tfd: 2147483647 events: ffffffff data: ffffffffffffffff  pos:-9223372036854775808 ino:fedcba9876543210 sdev:ffffffff\n',
  );
  const { eventNames, ...numbers } = item ?? assert.fail('no item');
  assert.ok(eventNames.includes('EPOLLET'));
  assert.deepEqual(numbers, {
    tfd: 2147483647,
    toff: 0,
    events: 0xffffffff,
    data: 2n ** 64n - 1n,
    pos: -(2 ** 63),
    ino: 0xfedcba9876543210n,
    sdev: 0xffffffff,
  });
});

test('the 33rd bit of 64-bit data is not lost', () => {
  const items = parseEpollItems(
    'tfd: 5 events: 19 data: 1ffffffff\ntfd: 5 events: 19 data: 80000000\ntfd: 5 events: 19 data: 100000000\n',
  );
  assert.deepEqual(
    items.map(({ data }) => data),
    [0x1ffffffffn, 0x80000000n, 0x100000000n],
  );
});

test('toff counts the earlier lines of the same number, in the order of the text', () => {
  const lines = [5, 7, 5, 2000000, 5, 7, 2000000].map(
    (tfd, data) => `tfd: ${tfd} events: 19 data: ${data.toString(16)}\n`,
  );
  assert.deepEqual(
    parseEpollItems(lines.join('')).map(({ tfd, toff, data }) => [tfd, toff, data]),
    [
      [5, 0, 0n],
      [7, 0, 1n],
      [5, 1, 2n],
      [2000000, 0, 3n],
      [5, 2, 4n],
      [7, 1, 5n],
      [2000000, 1, 6n],
    ],
  );
});

test('lines and fields that are not known are skipped', () => {
  const text = `${HEAD}later: 5\n\ntfd: 5 events: 19 data: 5  napi:1 pos:-1 more ino:2 sdev:3 end:x\nxtfd: 6 events: 19 data: 5\n`;
  assert.deepEqual(parseEpollItems(text), [{ ...bare, pos: -1, ino: 2n, sdev: 3 }]);
});

test('a line that is no item is skipped and not counted', () => {
  const broken = [
    'tfd:',
    'tfd: 5',
    'tfd: 5 events: 19',
    'tfd: 5 events: 19 data:',
    'tfd: -5 events: 19 data: 5',
    'tfd: 2147483648 events: 19 data: 5',
    'tfd: 5x events: 19 data: 5',
    'tfd: 5 events: 1ffffffff data: 5',
    'tfd: 5 events: 19 data: 11111111111111111',
    'tfd: 5 events: xx data: 5',
  ];
  assert.deepEqual(parseEpollItems([...broken, 'tfd: 5 events: 19 data: 5'].join('\n')), [bare]);
});

test('a position, inode or device that cannot be read is left out', () => {
  assert.deepEqual(parseEpollItems('tfd: 5 events: 19 data: 5  pos:x ino:g sdev:100000000\n'), [bare]);
  assert.deepEqual(
    parseEpollItems('tfd: 5 events: 19 data: 5  pos: ino:2 sdev:3\n').map(({ tfd, sdev }) => [tfd, sdev]),
    [[5, 3]],
  );
});

test("the names of one item may be changed without changing another's", () => {
  const [first, second] = parseEpollItems(MODERN + MODERN);
  first?.eventNames.pop();
  assert.deepEqual(second?.eventNames, IN);
});

test('a million items are parsed and counted', () => {
  const count = load(1_000_000);
  const items = parseEpollItems(HEAD + MODERN.repeat(count));
  assert.equal(items.length, count);
  assert.equal(items.at(-1)?.toff, count - 1);
});
