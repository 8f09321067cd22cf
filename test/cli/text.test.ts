/** What makes text fit for a terminal, JSON for scripts, and graphs for their programs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toJson } from '../../src/cli/output/json.ts';
import { print } from '../../src/cli/output/print.ts';
import { withProgress } from '../../src/cli/output/progress.ts';
import { type Graph, GRAPH_LANGUAGES, render } from '../../src/draw/graph.ts';
import { fitTo, table } from '../../src/cli/output/table.ts';
import { clean, describeFile, list, some } from '../../src/util/text.ts';
import { shortened, widthOf, wrapped } from '../../src/util/width.ts';

/** Every character that must never reach a terminal from a name: what it obeys, what reorders, what nobody sees. */
const CONTROLS = [
  ...Array(0x20).keys(),
  ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i),
  0x61c,
  0x200b,
  0x200e,
  0x200f,
  0x2028,
  0x2029,
  0x202a,
  0x202e,
  0x2066,
  0x2069,
  0xfeff,
  0xad,
  0x34f,
  0x115f,
  0x1160,
  0x180e,
  ...Array.from({ length: 0x10 }, (_, i) => 0x2060 + i),
  0x3164,
  0xfe0f,
  0xffa0,
  0xfff9,
  0xe0000,
  0xe0041,
  0xe007f,
  0xe0100,
];
const NAME = CONTROLS.map((code) => String.fromCodePoint(code)).join('a');

test('control characters of every kind become visible escapes', () => {
  for (const code of CONTROLS) {
    const cleaned = clean(`a${String.fromCodePoint(code)}b`);
    assert.match(cleaned, /^a\\(n|r|t|x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]{5}\})b$/);
  }
  assert.equal(clean('a\u{e0041}b'), 'a\\u{e0041}b');
  assert.equal(clean('a\nb\u009bc\u202ed'), 'a\\nb\\x9bc\\u202ed');
});

test('no two names are told alike', () => {
  assert.equal(clean('a\\b'), 'a\\\\b');
  const names = ['a\n', 'a\\n', 'a\\\n', '\x1b', '\\x1b', '\\\\x1b'];
  assert.equal(new Set(names.map(clean)).size, names.length);
});

test('letters of every script are left alone', () => {
  for (const text of ['/home/Zoë/файл', '/tmp/日本語', '/tmp/🦊 (deleted)']) assert.equal(clean(text), text);
});

test('a line cannot be broken by a newline in a name', () => {
  let out = '';
  print({ out: (text) => void (out += text), err: () => {}, errIsTerminal: () => false, now: () => 0 }, ['a\nb', 'c']);
  assert.equal(out, 'a\\nb\nc\n');
});

test('a table has columns as wide as their widest cell and numbers to the right', () => {
  assert.deepEqual(
    table(
      ['PID', 'FILE', 'X'],
      [
        ['7', 'a\n', 'y'],
        ['4242', 'abcdef', ''],
      ],
      [0],
    ).map(clean),
    [' PID  FILE    X', '   7  a\\n     y', '4242  abcdef'],
  );
});

/** A table as a terminal of some columns shows it, or a file. */
function shownAt(columns: number | undefined, rows: string[][], wraps = false): string[] {
  fitTo({
    out: () => {},
    err: () => {},
    errIsTerminal: () => false,
    outIsTerminal: () => columns !== undefined,
    columns: () => columns,
    now: () => 0,
  });
  try {
    return table(['FD', 'KIND', 'FILE', 'WITH'], rows, [0], wraps).map(clean);
  } finally {
    fitTo({ out: () => {}, err: () => {}, errIsTerminal: () => false, now: () => 0 });
  }
}

describe('a table with long names', () => {
  const LONG = `/var/lib/${'deep/'.repeat(40)}end.log`;
  const ROWS = [
    ['3', 'regular', LONG, `also held by ${'sleep'.repeat(30)} (4711), fd 1`],
    ['12', 'socket', 'tcp 127.0.0.1:80 listening', ''],
  ];

  test('fits a terminal of 80 columns, and shows the ends of what it shortens', () => {
    const lines = shownAt(80, ROWS);
    assert.ok(
      lines.every((line) => widthOf(line) <= 80),
      lines.join('\n'),
    );
    assert.match(lines[1] ?? '', /^ 3 {2}regular {2}\/var\/lib\/\S*…\S*end\.log {2}also held by .*….* \(4711\), fd 1$/);
    assert.match(lines[2] ?? '', /^12 {2}socket {3}tcp 127\.0… listening$/);
  });

  test('keeps an address with its port beside sentences, which go on in the next line', () => {
    const rows = [['5', 'character device', 'tcp 127.0.0.1:18076 listening', `also held by ${'sleep, '.repeat(20)}`]];
    const lines = shownAt(80, rows, true);
    assert.match(lines[1] ?? '', / tcp 127\.0\.0\.1:18076 listening /);
    assert.ok(lines.length > 5 && lines.every((line) => widthOf(line) <= 80));
  });

  test('shows more at 200 columns, and all of it in a file', () => {
    const wide = shownAt(200, ROWS);
    assert.ok(wide.every((line) => widthOf(line) <= 200) && widthOf(wide[1] ?? '') > 190, wide.join('\n'));
    assert.ok(shownAt(undefined, ROWS)[1]?.includes(LONG));
  });

  test('counts columns as the terminal draws them', () => {
    for (const [text, width] of [
      ['日本語', 6],
      ['🦊', 2],
      ['e\u0301', 1],
      ['Zoë', 3],
    ] as const)
      assert.equal(widthOf(text), width, text);
    const [, first = '', second = ''] = shownAt(undefined, [
      ['1', 'regular', '/tmp/日本語', 'x'],
      ['2', 'regular', '/tmp/abcdef', 'x'],
    ]);
    assert.equal(widthOf(first), widthOf(second));
    assert.ok(widthOf(shownAt(80, [['1', 'regular', `/${'語'.repeat(90)}`, 'x']])[1] ?? '') <= 80);
  });

  test('is cut by what is printed, never within an escape', () => {
    for (let columns = 1; columns < 20; columns++) {
      const cut = shortened('ab\x1bcd\x1bef', columns, clean);
      assert.ok(widthOf(clean(cut)) <= columns, cut);
      assert.equal(clean(cut).replaceAll('\\x1b', '').includes('\\'), false);
    }
  });
});

test('lists read as sentences do', () => {
  assert.equal(list(['a']), 'a');
  assert.equal(list(['a', 'b', 'c']), 'a, b and c');
  assert.equal(some(['a', 'b', 'c'], 2), 'a, b and 1 more');
});

test('a file is named once, by its kind or by its link', () => {
  assert.equal(describeFile('socket', 'socket:[7]'), 'socket:[7]');
  assert.equal(describeFile('eventfd', 'anon_inode:[eventfd]'), 'eventfd');
  assert.equal(describeFile('regular', '/tmp/x'), 'regular /tmp/x');
  assert.equal(describeFile('unknown', null), 'unknown');
});

describe('JSON', () => {
  test('has bigints as decimal strings, and data as a hexadecimal one', () => {
    const report = { ino: 2n ** 64n - 1n, data: 2n ** 64n - 1n, list: [{ data: 0n, startTime: 5n }] };
    assert.deepEqual(JSON.parse(toJson(report)), {
      ino: '18446744073709551615',
      data: '0xffffffffffffffff',
      list: [{ data: '0x0', startTime: '5' }],
    });
  });

  test('has no control character in it, and the same strings after parsing', () => {
    const text = toJson({ link: NAME });
    assert.equal((JSON.parse(text) as { link: string }).link, NAME);
    assert.match(text, /^[\n\x20-\x7e]+$/);
  });
});

const awkward = 'a"b\\c\\N<d>[e](f){g}|h#i`j`;--> end %% &amp; \n$';
const graph: Graph = {
  nodes: [
    { id: 'p1', label: awkward, kind: 'process' },
    { id: 'f1', label: awkward, kind: 'description' },
  ],
  edges: [
    { from: 'p1', to: 'f1', label: awkward },
    { from: 'p1', to: 'f1', label: 'fd 3', stale: true },
  ],
};

describe('graphs', () => {
  test('hold nothing that nobody sees, in any language', () => {
    const named: Graph = { nodes: [{ id: 'p1', label: NAME, kind: 'process' }], edges: [] };
    for (const language of GRAPH_LANGUAGES)
      for (const line of render(named, language)) assert.match(line, /^[\x20-\x7e]+$/);
  });

  test('in dot escape quotes and backslashes', () => {
    assert.deepEqual(render({ nodes: [{ id: 'p1', label: 'a"\\N', kind: 'process' }], edges: [] }, 'dot'), [
      'digraph kcmp {',
      '  rankdir=LR;',
      '  p1 [shape=box, label="a\\"\\\\N"];',
      '}',
    ]);
  });

  test('in Mermaid hold nothing that its grammar or Markdown could see', () => {
    const lines = render(graph, 'mermaid');
    assert.equal(lines[0], 'flowchart LR');
    const label = '"(?:[\\p{L}\\p{N} .,:/=+-]|#\\d+;)*"';
    assert.match(lines[1] ?? '', new RegExp(`^  p1\\[${label}\\]$`, 'u'));
    assert.match(lines[2] ?? '', new RegExp(`^  f1\\(${label}\\)$`, 'u'));
    assert.match(lines[3] ?? '', new RegExp(`^  p1 -->\\|${label}\\| f1$`, 'u'));
    assert.match(lines[4] ?? '', /^ {2}p1 -.->\|"fd 3"\| f1$/u);
  });
});

describe('progress', () => {
  /** What is written to stderr when `done` is reported at these moments. */
  function reported(errIsTerminal: boolean, moments: number[]): string {
    let err = '';
    let time = 0;
    withProgress(
      {
        out: () => assert.fail('stdout is for data'),
        err: (text) => void (err += text),
        errIsTerminal: () => errIsTerminal,
        now: () => time,
      },
      ({ onProgress }) => {
        for (const moment of moments) {
          time = moment;
          onProgress?.(moment, 1000);
        }
      },
    );
    return err;
  }

  test('is silent for half a second', () => assert.equal(reported(true, [1, 200, 499]), ''));

  test('is shown on a terminal afterwards, ten times a second at most, and cleared', () => {
    assert.equal(reported(true, [499, 500, 599, 600]), `\rkcmp: 50 % done\rkcmp: 60 % done\r${' '.repeat(15)}\r`);
  });

  test('is not shown where stderr is no terminal', () => assert.equal(reported(false, [600, 900]), ''));

  test('is cleared when the scan fails', () => {
    let err = '';
    let time = 0;
    assert.throws(
      () =>
        withProgress(
          { out: () => {}, err: (text) => void (err += text), errIsTerminal: () => true, now: () => time },
          ({ onProgress }) => {
            time = 700;
            onProgress?.(1, 2);
            throw new Error('failed');
          },
        ),
      /failed/,
    );
    assert.match(err, / \r$/);
  });
});

test('a sentence goes on in the next line, broken between words, which stay whole', () => {
  const text = 'also held by sleep (4711), fd 3; 你好 你好 averyverylongword';
  assert.deepEqual(wrapped(text, 12, clean), [
    'also held by',
    'sleep',
    '(4711), fd',
    '3; 你好 你好',
    'averyverylongword',
  ]);
  assert.equal(wrapped(text, 12, clean).join(' '), text);
  assert.deepEqual(wrapped('', 12, clean), ['']);
});
