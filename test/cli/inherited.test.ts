/** kcmp inherited: descriptors that a child should not have. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { fileOf, type InheritedReport } from '../../src/index.ts';
import { AS_NOBODY, needsRoot, NOBODY } from '../support/user.ts';
import { kcmp, kcmpJson, kcmpProcess, mask, squeeze, pipe as newPipe } from './command.ts';

const me = process.pid;
let pipe: [number, number];
let leaky: number;
let clean: number;
const children = [] as ReturnType<typeof spawn>[];
/** The test runner may itself have been started with descriptors that its children get as well. */
let surplus: string[];
before(async () => {
  pipe = newPipe();
  const start = (fds: number[]): number => {
    const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', ...fds] });
    children.push(child);
    return child.pid as number;
  };
  leaky = start([pipe[0], pipe[1]]);
  clean = start([]);
  const { report } = await kcmpJson<InheritedReport>('inherited', clean);
  surplus = report.inherited.flatMap(({ fd }) => ['--allow', `${fd}`]);
});
after(() => children.forEach((child) => child.kill()));

test('leaked descriptors are listed with where they come from, and are 1', async () => {
  const { code, out, err } = await kcmp('inherited', leaky, ...surplus);
  assert.deepEqual([code, err], [1, '']);
  const link = readlinkSync(`/proc/self/fd/${pipe[0]}`);
  const lines = squeeze(mask(out, { LINK: link, ME: me, LEAKY: leaky, READ: pipe[0], WRITE: pipe[1] }))
    .split('\n')
    .map((line) => line.trim());
  assert.match(
    lines[0] ?? '',
    /^LEAKY \(sleep\) shares 2 descriptors beyond 0, 1 and 2 with its parent ME \(.*\)(?:, besides what is allowed)?:$/,
  );
  assert.deepEqual(lines.slice(1), [
    '',
    'FD  FROM  KIND  FILE',
    '3  ME:READ  pipe  read end of LINK',
    '4  ME:WRITE  pipe  write end of LINK',
    '',
  ]);
});

test('a child that got nothing is 0', async () => {
  const { code, out, err } = await kcmp('inherited', clean, ...surplus);
  assert.deepEqual([code, err], [0, '']);
  assert.match(
    mask(out, { CLEAN: clean }),
    /^CLEAN \(sleep\) shares no descriptor beyond 0, 1 and 2 with its parent \d+ \(.*\)(?:, but for what is allowed)?\.\n$/,
  );
});

test('--allow takes numbers and patterns, and may be given again', async () => {
  assert.equal((await kcmp('inherited', leaky, '--allow', '3', ...surplus)).code, 1);
  assert.equal((await kcmp('inherited', leaky, '--allow', '3', '--allow', '4', ...surplus)).code, 0);
  assert.equal((await kcmp('inherited', leaky, '--allow', 'pipe:*', ...surplus)).code, 0);
  assert.equal((await kcmp('inherited', leaky, '--allow', 'socket:*', ...surplus)).code, 1);
  // What is left out is not denied.
  const { out } = await kcmp('inherited', leaky, '--allow', 'pipe:*', ...surplus);
  assert.match(out, / shares no descriptor beyond 0, 1 and 2 with its parent .*, but for what is allowed\.\n$/);
  const some = await kcmp('inherited', leaky, '--allow', '4', ...surplus);
  assert.match(some.out, / shares 1 descriptor beyond 0, 1 and 2 with its parent .*, besides what is allowed:\n/);
});

test('--from compares with another process', async () => {
  assert.equal((await kcmp('inherited', leaky, '--from', clean, ...surplus)).code, 0);
  assert.equal((await kcmp('inherited', leaky, '--from', me, ...surplus)).code, 1);
});

test('--json is the report of findInherited', async () => {
  const { code, report } = await kcmpJson<InheritedReport>('inherited', leaky, ...surplus);
  assert.equal(code, 1);
  const link = readlinkSync(`/proc/self/fd/${pipe[0]}`);
  assert.deepEqual([report.pid, report.from], [leaky, me]);
  assert.deepEqual(report.inherited, [
    { fd: 3, from: { pid: me, fd: pipe[0] }, kind: 'pipe', link, name: `read end of ${link}` },
    { fd: 4, from: { pid: me, fd: pipe[1] }, kind: 'pipe', link, name: `write end of ${link}` },
  ]);
  assert.deepEqual(Object.keys(report.coverage).sort(), ['descriptors', 'processes', 'skipped', 'tasks']);
});

test('what it is called is told, and may be allowed by that', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const [port, socket] = [(server.address() as AddressInfo).port, fileOf(server).fd];
  const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', socket] });
  try {
    const { out } = await kcmp('inherited', child.pid as number);
    assert.match(out, new RegExp(`^ *3 .* socket +tcp 127\\.0\\.0\\.1:${port} listening$`, 'm'));
    const { report } = await kcmpJson<InheritedReport>('inherited', child.pid as number, '--allow', 'tcp * listening');
    assert.ok(report.inherited.every(({ fd }) => fd !== 3));
  } finally {
    child.kill();
    server.close();
  }
});

test('who may not be looked at may have given what nobody explains', { skip: needsRoot }, () => {
  const child = spawn('sleep', ['1000'], { uid: NOBODY, gid: NOBODY, stdio: ['ignore', 'ignore', 'ignore', pipe[0]] });
  children.push(child);
  const { code, out } = kcmpProcess(['inherited', child.pid as number], AS_NOBODY);
  assert.equal(code, 2);
  assert.match(
    out,
    /^\d+ \(sleep\) shares no descriptor that could be seen beyond 0, 1 and 2 with its parent .*\n\n.* unexplained: given by .*, or could not be looked at, or opened by itself:\n/,
  );
});

test('what nobody explains is 2, and told beside what is inherited', async () => {
  const orphan = 'exec 9>>/dev/full 8</dev/zero; sleep 100 >/dev/null 2>&1 & echo $!';
  const pid = Number(execFileSync('sh', ['-c', orphan]));
  try {
    const { code, out } = await kcmp('inherited', pid, ...surplus);
    assert.equal(code, 2);
    assert.match(
      out,
      /^\d+ \(sleep\) shares no descriptor(?: that could be seen)? beyond 0, 1 and 2 with its parent \d+ \(.*\) or who else it descends from(?:, but for what is allowed)?\.\n\n2 descriptors are unexplained: /,
    );
    assert.match(out, /^ 9 {2}character device {2}\/dev\/full$/m);
    assert.equal((await kcmp('inherited', pid, '--allow', '9', '--allow', '/dev/zero', ...surplus)).code, 0);
    const { report } = await kcmpJson<InheritedReport>('inherited', pid, ...surplus);
    assert.deepEqual(
      report.unexplained.map(({ fd }) => fd),
      [8, 9],
    );
  } finally {
    process.kill(pid);
  }
});
