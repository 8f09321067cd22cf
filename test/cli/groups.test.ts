/** kcmp groups: what is shared, by whom, as text, JSON and graphs. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { groupFiles, type GroupReport } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import { startThread } from '../support/scenes.ts';
import { kcmp, kcmpJson, mask, NO_PID, squeeze, pipe as newPipe } from './command.ts';

const me = process.pid;
const dotMissing = spawnSync('dot', ['-V']).status === 0 ? false : 'dot (graphviz) is not installed';
let child: Child;
let lonely: number;
let read: number;
before(async () => {
  read = newPipe()[0];
  child = await startChild({ fds: [read] });
  lonely = await child.run(({ childProcess, fs, keep, libc }) => {
    fs.writeFileSync('/proc/self/comm', 'worker');
    const fd = libc.eventfd();
    keep['fds'] = [fd, libc.dup(fd)].map(libc.closeOnExec);
    const grandchild = childProcess.spawn('sleep', ['1000'], { stdio: ['pipe', 'pipe', 'pipe'] });
    keep['sleep'] = grandchild;
    return grandchild.pid as number;
  });
});
after(async () => {
  process.kill(lonely);
  await child.stop();
});

/** The block of text that has a line. */
const blockWith = (out: string, line: string): string[] =>
  out
    .split('\n\n')
    .find((block) => block.includes(line))
    ?.trimEnd()
    .split('\n') ?? [];

test('the text says first how many there are, then who shares each', async () => {
  const { code, out } = await kcmp('groups', me, child.pid);
  assert.equal(code, 0);
  assert.match(out, /^\d+ open file descriptions have two holders or more among 2 processes\.\n\n1\. /);
  const link = readlinkSync(`/proc/self/fd/${read}`);
  const block = blockWith(out, link).map((line) =>
    squeeze(mask(line, { LINK: link, ME: me, CHILD: child.pid, READ: read })),
  );
  assert.match(block[0] ?? '', /^\d+\. read end of LINK$/);
  assert.deepEqual(
    block
      .slice(1)
      .map((line) => line.replace(/ME \(.*\)/, 'ME (NAME)'))
      .sort(),
    ['  CHILD (worker): fd 4', '  ME (NAME): fd READ'],
  );
});

test('descriptors of one process stand on one line', async () => {
  const { out } = await kcmp('groups', child.pid);
  assert.match(out, new RegExp(`\\d+\\. eventfd, count 0\n   ${child.pid} \\(worker\\): fds \\d+, \\d+\n`));
});

test('--json is the report of groupFiles', async () => {
  const { code, report } = await kcmpJson<GroupReport>('groups', me, child.pid);
  assert.equal(code, 0);
  const expected = groupFiles({ pids: [me, child.pid] });
  assert.deepEqual(report.groups, expected.groups);
  assert.deepEqual(report.sharedTables, expected.sharedTables);
});

test('without a pid every process is looked at, but for the one that looks', async () => {
  await using other = await startChild({ fds: [read] });
  const { code, report } = await kcmpJson<GroupReport>('groups');
  assert.equal(code, 0);
  const found = report.groups.find(({ holders }) => holders.some(({ pid, fd }) => pid === child.pid && fd === 4));
  const wanted = [child.pid, other.pid].sort((a, b) => a - b);
  assert.deepEqual(
    found?.holders,
    wanted.map((pid) => ({ pid, fd: 4 })),
  );
  assert.ok(!report.groups.some(({ holders }) => holders.length < 2 || holders.some(({ pid }) => pid === me)));
});

test('--tree looks at a process and all its descendants', async () => {
  const { code, report } = await kcmpJson<GroupReport>('groups', '--tree', child.pid);
  assert.equal(code, 0);
  const pids = new Set(report.groups.flatMap(({ holders }) => holders.map(({ pid }) => pid)));
  assert.ok(!pids.has(me));
  const byThread = await kcmpJson<GroupReport>('groups', '--tree', await startThread(child));
  assert.ok(byThread.report.coverage.processes >= 2);
  assert.ok(byThread.report.groups.some(({ holders }) => holders.some(({ pid }) => pid === child.pid)));
  const whole = await kcmpJson<GroupReport>('groups', '--tree', me);
  assert.ok(whole.report.coverage.processes >= 3);
  assert.ok(
    whole.report.groups.some(
      ({ holders }) => holders.some(({ pid }) => pid === me) && holders.some(({ pid }) => pid === child.pid),
    ),
  );
});

test('a process that shares nothing is 1', async () => {
  const { code, out, err } = await kcmp('groups', lonely);
  assert.deepEqual([code, err], [1, '']);
  assert.equal(out, 'No open file description has two holders or more among 1 process.\n');
});

test('a process that does not exist is 2, also beside one that does', async () => {
  const { code, err } = await kcmp('groups', NO_PID, child.pid);
  assert.equal(code, 2);
  assert.match(err, new RegExp(`^kcmp: there is no process ${NO_PID}`));
});

test('--graph dot is a graph that dot itself draws', { skip: dotMissing }, async () => {
  const { code, out } = await kcmp('groups', me, child.pid, '--graph', 'dot');
  assert.equal(code, 0);
  const { status, stdout, stderr } = spawnSync('dot', ['-Tplain'], { input: out, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, new RegExp(`^edge p${child.pid} f\\d+ .*"fd 4"`, 'm'));
});

test('dot draws names that hold what it quotes and escapes by', { skip: dotMissing }, async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'kcmp-dot-')), 'a "quoted" \\ name');
  writeFileSync(path, '');
  await using holder = await startChild();
  await holder.run(({ fs, libc }, path) => void libc.dup(fs.openSync(path, 'r')), path);
  const { out } = await kcmp('groups', holder.pid, '--match', 'quoted', '--graph', 'dot');
  const { status, stdout, stderr } = spawnSync('dot', ['-Tplain'], { input: out, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /a \\"quoted\\" /);
  rmSync(dirname(path), { recursive: true });
});

test('--graph mermaid has a node for every process and description, and an edge for the descriptors between them', async () => {
  const { out } = await kcmp('groups', me, child.pid, '--graph', 'mermaid');
  const link = readlinkSync(`/proc/self/fd/${read}`).replace('[', '#91;').replace(']', '#93;');
  assert.match(out, /^flowchart LR\n/);
  assert.ok(out.includes(`  p${child.pid}["${child.pid} #40;worker#41;"]\n`), out);
  const node = new RegExp(`^  (f\\d+)\\("${link}"\\)$`, 'm').exec(out)?.[1];
  assert.ok(out.includes(`  p${child.pid} -->|"fd 4"| ${node}\n`), out);
  assert.ok(out.includes(`  p${me} -->|"fd ${read}"| ${node}\n`), out);
});
