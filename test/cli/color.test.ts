/** Colours: only on a terminal, only for what matters, as NO_COLOR and --color say. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { startChild } from '../support/child.ts';
import { COMMAND, kcmp, kcmpProcess, NO_PID } from './command.ts';

const ESCAPE = /\x1b/;
const SELF = `${process.pid}:0`;
const ANSWER = /^\x1b\[1m[^\x1b\n]+\x1b\[0m\n/;
const hasScript = spawnSync('script', ['--version']).status === 0;

test('--color always colours the answer, what is stale and messages, and nothing else', async () => {
  const { out, err } = await kcmp('same', SELF, SELF, '--color', 'always');
  assert.match(out, ANSWER);
  assert.equal(err, '');
  const trouble = await kcmp('--color=always', 'same', `${NO_PID}:0`, SELF);
  assert.match(trouble.err, /^\x1b\[31mkcmp:\x1b\[0m [^\x1b]+\n$/);
  const doctor = await kcmp('doctor', '--color', 'always');
  assert.match(doctor.out, ANSWER);
  assert.doesNotMatch(doctor.out.replace(ANSWER, ''), ESCAPE);
});

test('a stale target stands out, by its row and by what is said of it', async () => {
  await using child = await startChild();
  const efd = await child.run(({ libc, keep }) => {
    const epoll = libc.epollCreate();
    const [read, write] = libc.pipe() as [number, number];
    libc.epollCtl(epoll, libc.EPOLL_CTL_ADD, read);
    keep['copy'] = libc.dup(read);
    libc.close(read);
    keep['write'] = write;
    return epoll;
  });
  const { out } = await kcmp('epoll', `${child.pid}:${efd}`, '--color', 'always');
  const plain = await kcmp('epoll', `${child.pid}:${efd}`, '--color', 'never');
  assert.match(out, /^\x1b\[33m +\d+ +IN +renumbered[^\x1b\n]*\x1b\[0m$/m);
  assert.match(out, /^\x1b\[33mTarget \d+ is stale: [^\x1b\n]*\x1b\[0m$/m);
  assert.doesNotMatch(plain.out, ESCAPE);
  assert.equal(out.replaceAll(/\x1b\[\d+m/g, ''), plain.out);
});

test('neither JSON nor a list of pids nor a graph is ever coloured', async () => {
  for (const args of [
    ['same', SELF, SELF, '--json'],
    ['who', SELF, '--pids'],
    ['groups', `${process.pid}`, '--graph', 'dot'],
    ['doctor', '--json'],
  ])
    assert.doesNotMatch((await kcmp(...args, '--color', 'always')).out, ESCAPE, args.join(' '));
});

test('what --color does not know is told what it knows', async () => {
  for (const args of [['--color', 'blue'], ['--color=']]) {
    const { code, out, err } = await kcmp('doctor', ...args);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /^kcmp: --color .*is unknown; expected auto, always, never\n$/);
  }
});

describe('on a terminal', { skip: !hasScript && 'needs script' }, () => {
  /** What a terminal gets, with these variables set. */
  function shown(env: Record<string, string>, ...args: string[]): string {
    const line = [...COMMAND, 'same', SELF, SELF, ...args].map((word) => `'${word}'`).join(' ');
    const { NO_COLOR: _, ...rest } = process.env;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      env: { ...rest, TERM: 'xterm', ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return stdout.replaceAll('\r\n', '\n');
  }

  test('it is coloured', () => assert.match(shown({}), ANSWER));

  test('it is not where NO_COLOR says so, or the terminal knows none', () => {
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) assert.doesNotMatch(shown(env), ESCAPE);
    assert.match(shown({ NO_COLOR: '' }), ANSWER);
  });

  test('--color is asked first', () => {
    assert.match(shown({ NO_COLOR: '1' }, '--color', 'always'), ANSWER);
    assert.doesNotMatch(shown({}, '--color=never'), ESCAPE);
  });
});

test('where the output is no terminal, it is plain', () => {
  assert.doesNotMatch(kcmpProcess(['same', SELF, SELF]).out, ESCAPE);
});
