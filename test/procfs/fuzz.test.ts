import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEpollItems } from '../../src/procfs/epoll-items.ts';
import { parseFdinfo } from '../../src/procfs/fdinfo.ts';
import { kindOf } from '../../src/procfs/kind.ts';
import { parseStat } from '../../src/procfs/stat.ts';
import { Random } from '../support/random.ts';

const ROUNDS = 4000;

const EPOLL = `pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1057
tfd:        5 events:       19 data: ffff00000000000a  pos:0 ino:1f sdev:e
tfd:        5 events: 8000001d data:                5  pos:-1 ino:fedcba9876543210 sdev:800001
tfd:       12 events:       19 data:                c
tfd:        5 events: 40002019 data:      7f0012345678  pos:77 ino:2 sdev:e\n`;
const EVENTFD =
  'pos:\t0\nflags:\t02004002\nmnt_id:\t15\nino:\t1057\neventfd-count:                1\neventfd-id: 7\neventfd-semaphore: 0\n';
const STAT =
  '4711 (a) b (c\n) S 42 4711 4711 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 3 0 8812 1000 200 18446744073709551615 1 1 0\n';
const PIECES = [
  'tfd:',
  ' ',
  '\n',
  '-',
  'f',
  '0',
  '9',
  ')',
  '(',
  ':',
  'pos:',
  'ino:',
  '\0',
  '\r',
  '\t',
  '\xff',
  '18446744073709551616',
];

/** The same numbers in every run. */
const random = new Random(20130407);

/** A text with a few places deleted, doubled, cut off, or overwritten. */
function mutated(text: string): string {
  let result = text;
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(result.length + 1);
    const end = Math.min(result.length, at + random.below(12));
    const piece = [
      PIECES[random.below(PIECES.length)] ?? '',
      String.fromCharCode(random.below(256)),
      result.slice(at, end),
      '',
    ][random.below(4)];
    const tail = random.below(20) === 0 ? '' : result.slice(random.below(2) === 0 ? at : end);
    result = result.slice(0, at) + piece + tail;
  }
  return result;
}
const bytes = (): string =>
  Array.from({ length: random.below(200) }, () => String.fromCharCode(random.below(256))).join('');
const texts = function* (...bases: string[]): Generator<string> {
  for (let round = 0; round < ROUNDS; round++)
    yield round % 8 === 0 ? bytes() : mutated(bases[round % bases.length] as string);
};

const ITEM = /^tfd:[ \t]*(-?\d{1,19})[ \t]+events:[ \t]*([0-9a-f]{1,16})[ \t]+data:[ \t]*([0-9a-f]{1,16})(?![^ \t\r])/;

/** What the parser shall find, found slowly. */
function slowItems(text: string): Array<{ tfd: number; toff: number; events: number; data: bigint }> {
  const items: ReturnType<typeof slowItems> = [];
  for (const line of text.split('\n')) {
    const [, tfd = '', events = '', data = ''] = ITEM.exec(line) ?? [];
    const number = Math.abs(Number(tfd)) === 0 ? 0 : Number(tfd);
    const mask = Number.parseInt(events, 16);
    if (tfd === '' || number < 0 || number >= 2 ** 31 || mask >= 2 ** 32) continue;
    const toff = items.filter((item) => item.tfd === number).length;
    items.push({ tfd: number, toff, events: mask, data: BigInt(`0x${data}`) });
  }
  return items;
}

test('parseEpollItems finds in mutated and random texts what a regular expression finds', () => {
  let found = 0;
  for (const text of texts(EPOLL)) {
    const items = parseEpollItems(text);
    assert.deepEqual(
      items.map(({ tfd, toff, events, data }) => ({ tfd, toff, events, data })),
      slowItems(text),
      JSON.stringify(text),
    );
    for (const { pos, ino, sdev } of items) {
      assert.ok(pos === undefined || Number.isInteger(pos), JSON.stringify(text));
      assert.ok(ino === undefined || (ino >= 0n && ino < 2n ** 64n), JSON.stringify(text));
      assert.ok(sdev === undefined || (sdev >= 0 && sdev < 2 ** 32), JSON.stringify(text));
    }
    found += items.length;
  }
  assert.ok(found > ROUNDS, 'most texts still hold items');
});

test('parseFdinfo never throws, and keeps the text and the kinds of its fields', () => {
  for (const text of texts(EVENTFD, EPOLL)) {
    const { pos, flags, ino, eventfdId, ...rest } = parseFdinfo(text);
    assert.deepEqual(rest, { text });
    assert.ok(pos === undefined || typeof pos === 'bigint', JSON.stringify(text));
    assert.ok(flags === undefined || (Number.isFinite(flags) && flags >= 0), JSON.stringify(text));
    assert.ok(ino === undefined || ino >= 0n, JSON.stringify(text));
    assert.ok(eventfdId === undefined || eventfdId >= 0, JSON.stringify(text));
  }
});

test('parseStat answers a whole record or undefined', () => {
  let whole = 0;
  for (const text of texts(STAT)) {
    const stat = parseStat(text);
    if (stat === undefined) continue;
    whole++;
    assert.ok(text.includes(`(${stat.command})`), JSON.stringify(text));
    assert.equal(stat.state.length, 1);
    assert.ok([stat.ppid, stat.flags, stat.threads].every(Number.isFinite), JSON.stringify(text));
    assert.equal(typeof stat.startTime, 'bigint');
  }
  assert.ok(whole > ROUNDS / 4, 'many texts still are stat lines');
});

test('kindOf answers some kind for any text', () => {
  for (const text of texts('anon_inode:[eventfd]', 'socket:[123]', '/dev/pts/0'))
    assert.equal(typeof kindOf(text), 'string');
});
