import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { helpFor } from '../../src/cli/help.ts';
import { kcmp, squeeze } from '../cli/command.ts';
import * as libc from '../support/libc.ts';
import { untilNamed } from '../support/scenes.ts';
import { until } from '../support/until.ts';

const ROOT = new URL('../../', import.meta.url);
const README = readFileSync(new URL('README.md', ROOT), 'utf8');
/** With what it links to: all that shows code, output or a public name. */
const DOCS = [
  README,
  ...['recipes', 'command', 'guide', 'guarantees', 'environments', 'performance'].map(readDoc),
].join('\n');
function readDoc(name: string): string {
  return readFileSync(new URL(`docs/${name}.md`, ROOT), 'utf8');
}
const hasPython = spawnSync('python3', ['--version']).status === 0;

/** The fenced blocks of one language, in order. */
const blocks = (language: string): string[] =>
  [...DOCS.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

/** What a console block shows: a command and its output. */
const shown = blocks('console')
  .flatMap((block) => block.split(/^\$ /m).slice(1))
  .map((part) => ({ command: part.slice(0, part.indexOf('\n')), output: part.slice(part.indexOf('\n') + 1) }));

/** Each output that is shown of a command is what was printed; from a line of nothing but `…` on, what follows is left out. */
function isShown(start: string, printed: string): void {
  const outputs = shown.filter(({ command }) => command.startsWith(start)).map(({ output }) => masked(output));
  assert.ok(outputs.length > 0, start);
  const real = masked(printed.replaceAll(` ${userInfo().username} `, ' alice '));
  for (const output of outputs) {
    const end = output.indexOf('…');
    if (end === -1) assert.deepEqual(real, output);
    else assert.deepEqual(real.slice(0, end), output.slice(0, end));
  }
}

/** Numbers differ from run to run, column widths with them, and who else can be seen with the user. */
const masked = (text: string): string[] =>
  squeeze(text.replaceAll(/\d+/g, 'N'))
    .replaceAll(' that could be seen', '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** Every path of keys in a document. */
function keys(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    keys(inner, Array.isArray(value) ? `${path}[]` : `${path}.${key}`),
  );
}

const folder = mkdtempSync(join(tmpdir(), 'readme-'));
const log = join(folder, 'app.log');
const started: number[] = [];
const pids: Record<'cat' | 'spin' | 'shell' | 'leak', number> = { cat: 0, spin: 0, shell: 0, leak: 0 };

/** A line of the README in a shell of its own. */
function start(line: string): number {
  const { pid = 0 } = spawn('sh', ['-c', line], { cwd: folder, stdio: 'ignore' });
  started.push(pid);
  return pid;
}

/** What a line wrote into a file of the folder, once it has. */
const written = (name: string): Promise<number> =>
  until(`${name} is written`, () => {
    const path = join(folder, name);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return text.endsWith('\n') && Number(text);
  });

/** What this process itself inherited must not show up as a leak of the README's examples. */
libc.closeAllOnExec();

before(
  async () => {
    start("(sleep 300 & echo hello) | sh -c 'echo $$ >cat.pid; exec cat'");
    const leak = blocks('sh').find((block) => block.includes('leak.pid')) ?? '';
    const here = leak
      .trim()
      .replace(/&$/, '')
      .replace('/tmp/app.log', log)
      .replace('/tmp/leak.pid', join(folder, 'leak.pid'));
    pids.shell = start(`exec ${here}`);
    if (hasPython) {
      const spin = blocks('sh').find((block) => block.includes('spin.py')) ?? '';
      start(`${spin.trim()}\necho $! >spin.pid; wait`);
      pids.spin = await written('spin.pid');
      await until('a target is stale', async () => (await kcmp('epoll', pids.spin, '--check')).code === 1);
    }
    pids.cat = await written('cat.pid');
    pids.leak = await written('leak.pid');
    await untilNamed(pids.cat, 'cat');
    await untilNamed(pids.leak, 'sleep');
  },
  { timeout: 60_000 },
);

after(() => {
  for (const pid of new Set([...started, ...Object.values(pids)])) if (pid > 0) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

for (const [index, snippet] of blocks('ts').entries()) {
  test(`TypeScript snippet ${index + 1} of the documentation runs as shown`, () => {
    const path = join(folder, `snippet-${index}.mts`);
    writeFileSync(
      path,
      snippet.replace(
        /from 'kcmp(?:\/(\w+))?'/g,
        (_, door = 'index') => `from '${new URL(`src/${door}.ts`, ROOT).pathname}'`,
      ),
    );
    const { status, stderr, stdout } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), path], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.notEqual(stdout, '');
    assert.equal(stderr, '');
    const [, after = ''] = DOCS.split(`${snippet}\`\`\`\n`);
    const [, output] = /^```text\n([^`]*)```/.exec(after) ?? [];
    if (output !== undefined) assert.deepEqual(masked(stdout), masked(output));
  });
}

test('the help of every command is documented as it is printed', async () => {
  const names = ['', ...[...helpFor('').matchAll(/^ {2}([a-z]+) .*\n/gm)].map(([, name = '']) => name)];
  assert.ok(names.length > 7);
  for (const name of names)
    assert.ok(blocks('text').includes(helpFor(name)), `docs/command.md has another help of ${name}`);
});

/** The public names, which `src/index.ts` lists one by one. */
const source = (path: string): string => readFileSync(new URL(`src/${path}`, ROOT), 'utf8');
const publicNames = [...source('index.ts').matchAll(/\{([^}]*)\}/g)]
  .flatMap(([, list = '']) => list.split(','))
  .map((name) => name.trim().replace(/^type /, ''))
  .filter(Boolean);

test('the documentation mentions every public name', () => {
  assert.ok(publicNames.length > 40);
  assert.deepEqual(
    publicNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(DOCS)),
    [],
  );
});

test('every public name has a docstring, and that of a function says what it takes, what it returns and what it rests on', () => {
  const files = [...source('index.ts').matchAll(/from '\.\/(.*)'/g)].map(([, path = '']) => source(path));
  const offences = publicNames.filter((name) => {
    const declaration = new RegExp(`(?:/\\*\\*((?:[^*]|\\*(?!/))*)\\*/\n)?^export (\\w+) ${name}\\b`, 'm');
    const [, text = '', what] = files.map((file) => declaration.exec(file)).find((found) => found !== null) ?? [];
    if (what !== 'function') return text === '';
    const takesNothing = files.some((file) => file.includes(`export function ${name}():`));
    return ![...(takesNothing ? [] : ['@param']), '@returns', '@since', '@see'].every((tag) => text.includes(tag));
  });
  assert.deepEqual(offences, []);
});

test('every question of kcmp/promises is one of kcmp, and its docstring refers to that', () => {
  const functions = [
    ...source('promises.ts').matchAll(/^\/\*\*((?:[^*]|\*(?!\/))*)\*\/\nexport async function (\w+)/gm),
  ];
  assert.equal(functions.length, source('promises.ts').match(/^export async function /gm)?.length);
  for (const [, text = '', name = ''] of functions) {
    assert.ok(publicNames.includes(name) && text.includes(`{@link index!${name} |`) && text.includes('@example'), name);
    assert.match(DOCS, new RegExp(`kcmp/promises. has[^.]*\\b${name}\\b`));
  }
});

test('the README names the two commands of a clone and is short', () => {
  for (const line of ['npm ci && npx tsx examples/epoll-targets.ts', 'npm ci && npm test']) {
    assert.ok(blocks('sh').includes(`${line}\n`), line);
  }
  assert.ok(README.split('\n').length <= 180);
});

test('a pipe that does not end is explained as the README shows', async () => {
  const { out } = await kcmp('who', `${pids.cat}:0`);
  isShown('kcmp who $(', out);
});

test('a port that is in use is explained as the README shows', async () => {
  const script =
    "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })";
  const server = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  const { code, out } = await kcmp('who', `:${port}`);
  server.kill();
  assert.equal(code, 0);
  isShown('kcmp who :', out);
});

test('a lock that is held is explained as the README shows', async () => {
  const line = blocks('sh').find((block) => block.startsWith('flock ')) ?? '';
  const lock = join(folder, 'app.lock');
  const taker = start(`exec ${line.trim().replace(/&$/, '').replace('/run/app.lock', lock)}`);
  await until('it is taken', () => readFileSync('/proc/locks', 'utf8').includes(` FLOCK  ADVISORY  WRITE ${taker} `));
  const { code, out } = await kcmp('who', lock, '--tree', taker);
  assert.equal(code, 0);
  isShown('kcmp who /run/app.lock', out.replaceAll(lock, '/run/app.lock'));
});

test('an epoll that spins is explained as the README shows', { skip: !hasPython && 'needs python3' }, async () => {
  const { code, out } = await kcmp('epoll', pids.spin, '--check');
  assert.equal(code, 1);
  isShown('kcmp epoll $!', out);
});

test('a child that inherited too much is shown as in the README', async () => {
  const { code, out } = await kcmp('inherited', pids.leak);
  assert.equal(code, 1);
  isShown('kcmp inherited $(', out.replace(log, '/tmp/app.log'));
  assert.equal((await kcmp('inherited', pids.leak, '--allow', log)).code, 0);
});

test('every JSON example has the keys that the command prints', async () => {
  const commands = {
    same: [`${pids.leak}:9`, `${pids.shell}:9`],
    ...(hasPython ? { epoll: [pids.spin] } : {}),
    who: [`${pids.cat}:0`],
    groups: [pids.shell, pids.leak],
    tasks: [pids.leak, pids.shell],
    inherited: [pids.leak],
    doctor: [],
  };
  for (const [name, args] of Object.entries(commands)) {
    const example = shown.find(({ command }) => command.startsWith(`kcmp ${name} `) && command.includes('--json'));
    assert.ok(example, name);
    const real = new Set(keys(JSON.parse((await kcmp(name, ...args, '--json')).out)));
    // Where nothing is skipped the list is empty and has no keys; a shortened example has fewer.
    const skipped = (path: string): boolean => path.includes('.coverage.skipped');
    const mine = new Set(keys(JSON.parse(example.output)).filter((path) => !skipped(path)));
    assert.deepEqual(
      [...mine].filter((path) => !real.has(path)),
      [],
      name,
    );
    if (example.command.includes('shortened')) continue;
    assert.deepEqual(
      [...real].filter((path) => !skipped(path) && !mine.has(path)),
      [],
      name,
    );
  }
});
