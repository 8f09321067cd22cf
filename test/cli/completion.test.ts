/** What a Tab does after `kcmp`, in the shells themselves, each on a terminal of its own. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { candidates } from '../../src/cli/completion/candidates.ts';
import { helpFor } from '../../src/cli/help.ts';
import { startChild, type Child } from '../support/child.ts';
import { untilNamed } from '../support/scenes.ts';
import { until } from '../support/until.ts';
import { COMMAND, kcmp } from './command.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
/** A name that no other process has. */
const NAME = `kc${process.pid}`;
const FD = 777;

let folder: string;
let child: Child;
let sleeper: number;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcmp-completion-'));
  chmodSync(folder, 0o755);
  const quoted = COMMAND.map((word) => `'${word}'`).join(' ');
  // It completes as kcmp does, and writes down that it has; otherwise it tells what it was given.
  const script = `#!/bin/sh
if [ "$1" = completion ]; then ${quoted} "$@"; echo "$@" >>'${join(folder, 'log')}'; exit; fi
printf '<%s>' "$@"
echo
`;
  writeFileSync(join(folder, 'kcmp'), script, { mode: 0o755 });
  const [sleep = ''] = spawnSync('which', ['sleep'], { encoding: 'utf8' }).stdout.split('\n');
  symlinkSync(sleep, join(folder, NAME));
  const { pid = 0 } = spawn(join(folder, NAME), ['300'], { stdio: 'ignore' });
  sleeper = pid;
  await untilNamed(sleeper, NAME);
  child = await startChild();
  await child.run(({ libc }, fd) => void libc.dup2(0, fd), FD);
});
after(async () => {
  process.kill(sleeper, 'SIGKILL');
  await child.stop();
  rmSync(folder, { recursive: true });
});

/** How often candidates were asked for. */
const completions = (): number => {
  const log = join(folder, 'log');
  return existsSync(log) ? (readFileSync(log, 'utf8').match(/ -- /g) ?? []).length : 0;
};

/** What a shell on a terminal is told to do, and what it then told. */
async function typed(shell: string[], setUp: string, lines: string[]): Promise<string> {
  const command = shell.map((word) => `'${word}'`).join(' ');
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env['PATH']}`,
    TERM: 'dumb',
    INPUTRC: '/dev/null',
    HOME: folder,
  };
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  terminal.stdout.on('data', (chunk) => (out += chunk));
  const ended = once(terminal, 'close');
  try {
    terminal.stdin.write(`${setUp}; echo is-"ready"\n`);
    await until('the shell is ready', () => out.includes('is-ready'));
    for (const [i, line] of lines.entries()) {
      // Whoever types looks what came of a Tab before going on.
      for (const keys of line.split(/(?<=\t)/)) {
        const before = completions();
        terminal.stdin.write(keys);
        if (keys.endsWith('\t')) await until(`it completes ${keys}`, () => completions() > before);
      }
      await until(`${line} is carried out`, () => (out.match(/^<.*>\r?$/gm) ?? []).length > i);
    }
    terminal.stdin.end('exit\n');
    await ended;
  } finally {
    terminal.kill('SIGKILL');
  }
  return out;
}

/** A word that only one candidate fits, what it becomes, and all of it in order. */
const cases = (): Array<[typed: string, told: string]> => [
  ['kcmp wh\t :80\n', '<who><:80>'],
  ['kcmp groups --gr\t do\t\n', '<groups><--graph><dot>'],
  [`kcmp who ${child.pid}:${String(FD).slice(0, 2)}\t\n`, `<who><${child.pid}:${FD}>`],
  [`kcmp inherited ${NAME}\t\n`, `<inherited><${sleeper}>`],
  [`kcmp groups --tree ${NAME}\t --js\t\n`, `<groups><--tree><${sleeper}><--json>`],
];

for (const [shell, program] of Object.entries({
  bash: ['bash', '--norc', '--noprofile', '-i'],
  zsh: ['zsh', '-f', '-i'],
}))
  test(`${shell} completes commands, options, descriptors, and processes by their name`, {
    skip: !has(shell) ? `needs ${shell}` : !has('script') && 'needs script',
  }, async () => {
    const setUp =
      shell === 'bash'
        ? 'source <(kcmp completion bash)'
        : 'autoload -Uz compinit && compinit -u -D; source <(kcmp completion zsh)';
    const wanted = cases();
    const out = await typed(
      program,
      setUp,
      wanted.map(([line]) => line),
    );
    const told = [...out.matchAll(/^(<.*>)\r?$/gm)].map(([, text]) => text);
    assert.deepEqual(
      told,
      wanted.map(([, text]) => text),
    );
  });

test('fish is given the same candidates', { skip: !has('fish') && 'needs fish' }, () => {
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, HOME: folder };
  const completed = (line: string): string => {
    const script = `kcmp completion fish | source; complete -C '${line}'`;
    return spawnSync('fish', ['--no-config', '-c', script], { env, encoding: 'utf8' }).stdout;
  };
  assert.match(completed('kcmp wh'), /^who\twho has /m);
  assert.match(completed('kcmp groups --gr'), /^--graph\t/m);
  assert.match(completed(`kcmp who ${child.pid}:`), new RegExp(`^${child.pid}:${FD}\t`, 'm'));
  assert.match(completed(`kcmp inherited ${String(sleeper).slice(0, 2)}`), new RegExp(`^${sleeper}\t${NAME}$`, 'm'));
});

describe('the candidates', () => {
  test('are described to the end of the clause, also where the help goes on in another line', () => {
    const what = (command: string, option: string): string | undefined =>
      candidates([command, option]).find(({ text }) => text === option)?.what;
    assert.equal(
      what('epoll', '--check'),
      'exit code 1 when a target is stale: not live, or its number is another file today',
    );
    assert.equal(what('who', '--all'), 'connections too, not only who listens');
    assert.equal(candidates(['--vers'])[0]?.text, '--version');
  });

  const texts = (...words: string[]): string[] => candidates(words).map(({ text }) => text);
  assert.deepEqual(texts('groups', '--kind', 'pi'), ['pipe', 'pidfd']);
  assert.deepEqual(texts('help', 'gr'), ['groups']);

  test('for a command are those of the help, each with what it is for', () => {
    const wanted = [...helpFor('').matchAll(/^ {2}(?!kcmp)([a-z]+) .*\n/gm)].map(([, name]) => name);
    assert.deepEqual(texts(''), wanted);
    assert.ok(candidates(['']).every(({ what }) => what.length > 10));
    assert.deepEqual(texts('--json', 'ep'), ['epoll']);
  });

  test('for an option are those of the command, each once', () => {
    assert.deepEqual(texts('inherited', '--'), ['--from', '--allow', '--json', '--help', '--color']);
    assert.deepEqual(texts('--c'), ['--color']);
    assert.deepEqual(texts('same', '--color', ''), ['auto', 'always', 'never']);
    assert.deepEqual(texts('same', '--type', 's'), ['sighand', 'sysvsem']);
    assert.deepEqual(texts('inherited', '--allow', ''), []);
  });

  test('for a process are its number, and where a descriptor may follow, those of one that is named', () => {
    assert.ok(texts('tasks', '').includes(`${sleeper}`) && !texts('tasks', '').includes(`${process.pid}`));
    assert.deepEqual(texts('who', NAME), [`${sleeper}`]);
    assert.ok(texts('who', `${child.pid}`).includes(`${child.pid}:${FD}`));
    assert.ok(!texts('tasks', `${child.pid}`).includes(`${child.pid}:${FD}`));
    assert.ok(!texts('same', '--type', 'vm', `${child.pid}`).includes(`${child.pid}:${FD}`));
    // Node has epoll instances, and of the rest none is one.
    const instances = texts('epoll', `${child.pid}:`);
    assert.ok(instances.length > 0 && !instances.includes(`${child.pid}:${FD}`));
  });

  test('hold no line of their own, whatever a process is called', async () => {
    await child.run(({ fs }) => fs.writeFileSync('/proc/self/comm', 'a\nb\tc\x1b'));
    const { out } = await kcmp('completion', 'bash', '--', 'tasks', `${child.pid}`);
    assert.equal(out, `${child.pid}\ta\\nb\\tc\\x1b\n`);
  });
});

test('a shell that is not known is told which are', async () => {
  for (const shell of ['ksh', '']) {
    const { code, out, err } = await kcmp('completion', shell);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /is no shell that is known; expected bash, zsh, fish\n$/);
  }
});
