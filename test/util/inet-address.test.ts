/** Internet addresses, against what the URL standard makes of the same. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { addressWords, v4Text, v6Text } from '../../src/util/inet-address.ts';
import { Random, SEED } from '../support/random.ts';

/** An IPv6 address in the shortest form, as WHATWG's URL parser writes it, which follows RFC 5952. */
const shortest = (groups: number[]): string =>
  new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);

test('v6Text writes addresses as RFC 5952 wants, and addressWords reads them back', () => {
  const random = new Random(SEED);
  for (let round = 0; round < 5000; round++) {
    const groups = Array.from({ length: 8 }, () => random.pick([0, 0, 0, 1, 0x10, 0xabcd, 0xffff]));
    const word = (at: number): number => (((groups[at] as number) << 16) | (groups[at + 1] as number)) >>> 0;
    const words = [word(0), word(2), word(4), word(6)] as const;
    const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    const text = v6Text(...words);
    assert.equal(text, isMapped ? v4Text(words[3]) : shortest(groups), `seed ${SEED}`);
    assert.deepEqual(addressWords(text), words, `${text}, seed ${SEED}`);
  }
});

test('addressWords reads every way to write an address', () => {
  for (const [text, words] of [
    ['127.0.0.1', [0, 0, 0xffff, 0x7f000001]],
    ['255.255.255.255', [0, 0, 0xffff, 0xffffffff]],
    ['::ffff:10.0.0.1', [0, 0, 0xffff, 0x0a000001]],
    ['::FFFF:a00:1', [0, 0, 0xffff, 0x0a000001]],
    ['::', [0, 0, 0, 0]],
    ['::1', [0, 0, 0, 1]],
    ['fe80::', [0xfe800000, 0, 0, 0]],
    ['1:2:3:4:5:6:7:8', [0x10002, 0x30004, 0x50006, 0x70008]],
    ['1:2:3:4:5:6:7::', [0x10002, 0x30004, 0x50006, 0x70000]],
    ['1:2:3:4:5:6:1.2.3.4', [0x10002, 0x30004, 0x50006, 0x01020304]],
  ] as const)
    assert.deepEqual(addressWords(text), words, text);
});

test('addressWords takes nothing that is no address', () => {
  const wrong = [
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    'fe80::1%lo',
  ];
  for (const text of [
    ...wrong,
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    'g::',
    '1.2.3.4::',
    '::1.2.3',
    ' ::1',
  ])
    assert.deepEqual(
      [text, addressWords(text), isIP(text.replace(/%.*/, '')) > 0 && !text.includes('%')],
      [text, undefined, false],
    );
});

test('what addressWords reads is what Node takes for an address', () => {
  const random = new Random(SEED);
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 1 + random.below(12) }, () =>
      random.pick(['::', ':', ':', '0', '1', 'ff', 'abcd', '1.2.3.4', '.']),
    ).join('');
    assert.equal(addressWords(text) !== undefined, isIP(text) > 0, `${text}, seed ${SEED}`);
  }
});
