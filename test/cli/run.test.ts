/** Arguments, help and versions: what every command has in common. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { helpFor } from '../../src/cli/help.ts';
import { kcmp, kcmpProcess, NO_PID } from './command.ts';

const COMMANDS = ['same', 'epoll', 'who', 'groups', 'tasks', 'inherited', 'doctor'];

test('the help of every command fits 80 columns and shows an example of it', async () => {
  for (const command of COMMANDS) {
    const { code, out, err } = await kcmp(command, '--help');
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.deepEqual(
      out.split('\n').filter((line) => line.length > 80),
      [],
    );
    assert.match(out, new RegExp(`^Usage: kcmp ${command}`));
    assert.match(out, new RegExp(`Example[^]*\n  kcmp ${command}`));
    assert.match(out, /Exit code: 0/);
  }
});

test('the main help fits 80 columns and a screen of 40 lines, and names every command with an example', async () => {
  const { code, out } = await kcmp('--help');
  assert.equal(code, 0);
  assert.deepEqual(
    out.split('\n').filter((line) => line.length > 80),
    [],
  );
  assert.ok(out.split('\n').length <= 40);
  for (const command of COMMANDS) {
    assert.match(out, new RegExp(`^  ${command}\\b`, 'm'));
    assert.match(out, new RegExp(`^  kcmp ${command}\\b`, 'm'));
  }
});

test('help is asked for by -h, --help and help alike', async () => {
  const main = await kcmp('--help');
  assert.deepEqual(await kcmp('help'), main);
  assert.deepEqual(await kcmp('help', 'who'), await kcmp('who', '--help'));
  assert.deepEqual(await kcmp('who', '4242:7', '--help'), await kcmp('who', '--help'));
});

test('-h is short: the usage, the options and an example, and where more is told', async () => {
  for (const command of ['', ...COMMANDS]) {
    const { code, out, err } = await kcmp(...[command].filter(Boolean), '-h');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.split('\n');
    assert.match(lines[0] ?? '', new RegExp(`^Usage: kcmp ${command === '' ? 'COMMAND' : command}`));
    assert.match(out, /^ {2}--json/m);
    assert.match(out, new RegExp(`^Examples?.*\n  kcmp ${command}`, 'm'));
    assert.equal(lines.at(-2), `More: kcmp ${command === '' ? '' : `${command} `}--help`);
    assert.ok(out.length < helpFor(command).length || command === 'doctor', command);
    assert.doesNotMatch(out, /^Exit code/m);
  }
  assert.deepEqual(await kcmp('who', '4242:7', '-h'), await kcmp('who', '-h'));
});

test('what follows -- is an argument, also where it looks like an option', async () => {
  for (const option of ['--help', '-h', '--color', '--json'])
    assert.match((await kcmp('who', '--', option)).err, new RegExp(`${option} is no reference`));
});

test('bare, it prints the usage where messages go, and is trouble', async () => {
  for (const args of [[], ['--json'], ['--color', 'never']])
    assert.deepEqual(await kcmp(...args), { code: 2, out: '', err: helpFor('') });
});

test('--json stands before the command as well as after it', async () => {
  const self = `${process.pid}:0`;
  const after = await kcmp('same', self, self, '--json');
  assert.equal(after.code, 0);
  assert.equal((JSON.parse(after.out) as { relation: string }).relation, 'same');
  assert.deepEqual(await kcmp('--json', 'same', self, self), after);
  assert.deepEqual(await kcmp('--color=always', '--json', 'same', self, self), after);
});

test('a mistyped command, option or reference is told what was meant', async () => {
  await refused(['whom', ':80'], /^kcmp: unknown command whom; did you mean who\?$/m);
  await refused(['hwo'], /did you mean who\?/);
  await refused(['epol', '1'], /did you mean epoll\?/);
  await refused(['group'], /did you mean groups\?/);
  await refused(['inherit', '1'], /did you mean inherited\?/);
  await refused([':8080'], /unknown command :8080; did you mean kcmp who :8080\?/);
  await refused(['4242:7'], /did you mean kcmp who 4242:7\?/);
  await refused(['/run/app.lock'], /did you mean kcmp who \/run\/app\.lock\?/);
  await refused(['epoll', '1', '--chekc'], /unknown option --chekc; did you mean --check\? see kcmp epoll --help/);
  await refused(['who', ':1', '--pdis'], /did you mean --pids\?/);
});

test('-v and -V are --version', async () => {
  for (const option of ['-v', '-V']) assert.deepEqual(await kcmp(option), await kcmp('--version'));
});

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.deepEqual(await kcmp('--version'), { code: 0, out: `${version}\n`, err: '' });
  assert.deepEqual(await kcmp('-V'), { code: 0, out: `${version}\n`, err: '' });
});

test('the process prints its help and exits with 0', () => {
  const { code, out, err } = kcmpProcess(['--help']);
  assert.deepEqual({ code, out, err }, { code: 0, out: helpFor(''), err: '' });
});

/** One line on stderr, nothing on stdout, exit code 2. */
async function refused(args: string[], message: RegExp): Promise<void> {
  const { code, out, err } = await kcmp(...args);
  assert.equal(code, 2, args.join(' '));
  assert.equal(out, '');
  assert.match(err, /^kcmp: [^\n]+\n$/);
  assert.match(err, message);
}

test('a missing or unknown command is told which there are', async () => {
  await refused(['lsof'], /unknown command lsof; expected one of same/);
  await refused(['--verbose'], /unknown option --verbose/);
  await refused(['help', 'lsof'], /unknown command lsof/);
  await refused(['--help', 'lsof'], /unknown command lsof/);
  await refused(['toString'], /unknown command toString/);
  await refused(['--json', 'lsof'], /unknown command lsof/);
});

test('an unknown option is told which command has help', async () => {
  for (const command of COMMANDS)
    await refused([command, '--wrong'], new RegExp(`unknown option --wrong; see kcmp ${command} --help`));
});

test('an option without its value is refused', async () => {
  await refused(['same', '1:2', '1:3', '--type'], /option --type <value> argument missing; see kcmp same --help/);
  await refused(['groups', '--tree'], /option --tree <value> argument missing/);
  await refused(['groups', '--tree', '-1'], /--tree argument is ambiguous; see kcmp groups --help/);
  await refused(['who', '1:2', '--json=yes'], /does not take an argument/);
});

test('a word that an option does not know is told which it knows', async () => {
  await refused(
    ['same', '1:2', '1:3', '--type', 'mem'],
    /--type mem is unknown; expected file, vm, files, fs, sighand, io, sysvsem/,
  );
  await refused(['groups', '--graph', 'svg'], /--graph svg is unknown; expected mermaid, dot/);
  await refused(['epoll', '4242', '--graph', 'svg'], /--graph svg is unknown; expected mermaid, dot/);
});

test('a missing or surplus argument is told what was expected', async () => {
  await refused(['same'], /missing PID:FD and PID:FD; expected kcmp same PID:FD PID:FD/);
  await refused(['same', '4242:1'], /missing PID:FD; expected kcmp same PID:FD PID:FD/);
  await refused(['same', '1:1', '1:2', '1:3'], /unexpected 1:3; expected kcmp same PID:FD PID:FD/);
  await refused(['same', '--type', 'vm', '4242'], /missing PID; expected kcmp same PID PID/);
  await refused(['who'], /missing REF; expected kcmp who REF/);
  await refused(['epoll'], /missing PID\[:EFD\]; expected kcmp epoll PID\[:EFD\]/);
  await refused(['inherited'], /missing PID; expected kcmp inherited PID/);
  await refused(['tasks'], /expected kcmp tasks ID ID/);
  await refused(['tasks', '4242'], /expected kcmp tasks ID ID/);
  await refused(['tasks', '--threads', '4242', '4243'], /unexpected 4243/);
  await refused(['doctor', 'now'], /unexpected now; expected kcmp doctor/);
});

test('a malformed descriptor is told how one looks', async () => {
  const malformed = [
    '',
    'x',
    '12',
    '12:',
    ':3',
    '12:-3',
    '12:3.5',
    '12:0x3',
    '-12:3x',
    '1:2:3',
    '2147483648:0',
    '1:2147483648',
    '0:3',
    '99999999999999999999:1',
    ' 1:2',
    '/proc/12/fd',
    '/proc/self/fd/1',
    '/proc/12/fdinfo/3',
    '١:٢',
  ];
  for (const text of malformed) {
    if (text.startsWith('-')) continue; // an option to parseArgs
    await refused(
      ['same', text, `${process.pid}:0`],
      /is no descriptor; expected PID:FD or \/proc\/PID\/fd\/FD, such as 4242:7/,
    );
  }
});

test('what names nothing to ask about is told what does', async () => {
  for (const text of ['', '12:', '12:-3', '1:2:3', ' 1:2', '2147483648:0', '0:3', '١:٢', ':0', 'example.org:80'])
    await refused(['who', text], /^kcmp: .* is no (?:reference|descriptor|port)[;:]/);
  await refused(['who', 'nginx'], /\$\(pgrep -n nginx\)/);
  await refused(['who', '0'], /^kcmp: 0 is no process; expected a PID/);
  await refused(['who', ':80', '--json', '--pids'], /--json and --pids exclude one another/);
});

test('a malformed process or thread is told how one looks', async () => {
  for (const text of ['', 'x', '1:2', '0', '-1x', '2147483648', '1.5', '/proc/self']) {
    if (text.startsWith('-')) continue;
    await refused(['inherited', text], /is no process or thread; expected PID or TID, such as 4242/);
    await refused(['tasks', text, `${process.pid}`], /is no process or thread/);
    await refused(['groups', text], /is no process or thread/);
    await refused(['same', '--type', 'vm', text, '5'], /is no process or thread/);
  }
  for (const text of ['x', '1:', '0', '0:1'])
    await refused(['epoll', text], /expected PID, PID:EFD or \/proc\/PID\/fd\/EFD/);
});

test('control characters of an argument do not reach the terminal', async () => {
  await refused(['who', 'a\nb\x1b[2J\x9b2J\u202e'], /^kcmp: a\\nb\\x1b\[2J\\x9b2J\\u202e is no reference/);
});

test('--graph and --json exclude one another', async () => {
  await refused(['groups', '--graph', 'dot', '--json'], /--graph and --json exclude one another/);
  await refused(['epoll', '4242', '--graph', 'dot', '--json'], /--graph and --json exclude one another/);
});

test('a process that does not exist is trouble for every command', async () => {
  for (const args of [
    ['same', `${NO_PID}:0`, `${process.pid}:0`],
    ['same', '--type', 'vm', `${NO_PID}`, `${process.pid}`],
    ['epoll', `${NO_PID}`],
    ['epoll', `${NO_PID}:3`],
    ['who', `${NO_PID}:3`],
    ['groups', `${NO_PID}`],
    ['groups', '--tree', `${NO_PID}`],
    ['tasks', '--threads', `${NO_PID}`],
    ['inherited', `${NO_PID}`],
    ['inherited', `${process.pid}`, '--from', `${NO_PID}`],
  ]) {
    const { code, err } = await kcmp(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, new RegExp(`${NO_PID}`), args.join(' '));
  }
  assert.equal((await kcmp('tasks', NO_PID, process.pid)).code, 2);
});
