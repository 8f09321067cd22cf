/** kcmp tasks: a matrix of what tasks share. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { taskSharing, type TaskSharing } from '../../src/index.ts';
import { startChild, type Child } from '../support/child.ts';
import { familyMissing, startFamily } from '../support/family.ts';
import { AS_NOBODY, needsRoot } from '../support/user.ts';
import { kcmp, kcmpProcess, kcmpJson, mask, NO_PID, squeeze } from './command.ts';

const me = process.pid;
let child: Child;
let sleeper: number;
before(async () => {
  child = await startChild();
  sleeper = await child.run(({ childProcess, fs, keep }) => {
    fs.writeFileSync('/proc/self/comm', 'worker');
    keep['sleep'] = childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' });
    return (keep['sleep'] as { pid: number }).pid;
  });
});
after(async () => {
  process.kill(sleeper);
  await child.stop();
});

test('the threads of a process share everything but what the kernel cannot tell', async () => {
  const { code, out } = await kcmp('tasks', '--threads', child.pid);
  assert.equal(code, 0);
  assert.match(out, /^All of these \d+ tasks share vm, files, fs and sighand\.\n\n/);
  const row = out.split('\n').find((line) => line.trim().startsWith(`${child.pid} `)) ?? '';
  assert.match(
    squeeze(mask(row, { PID: child.pid })).trim(),
    /^PID {2}A {2}A {2}A {2}A {2}(A\??|own) {2}(A\??|own) {2}worker$/,
  );
});

test('two processes share nothing and the exit code is 1', async () => {
  const { code, out, err } = await kcmp('tasks', child.pid, sleeper);
  assert.deepEqual([code, err], [1, '']);
  const lines = squeeze(mask(out, { CHILD: child.pid, SLEEPER: sleeper }))
    .split('\n')
    .map((line) => line.trim());
  assert.equal(lines[0], 'Nothing was found that CHILD (worker) and SLEEPER (sleep) share.');
  assert.equal(lines[2], 'ID  VM  FILES  FS  SIGHAND  IO  SYSVSEM  COMMAND');
  assert.match(lines[3] ?? '', /^CHILD {2}own {2}own {2}own {2}own {2}(A\?|own) {2}(A\?|own) {2}worker$/);
  assert.match(lines[4] ?? '', /^SLEEPER {2}own {2}own {2}own {2}own {2}(A\?|own) {2}(A\?|own) {2}sleep$/);
});

test('a thread and a stranger are told apart in one matrix', async () => {
  const { report } = await kcmpJson<TaskSharing>('tasks', '--threads', child.pid);
  const thread = report.tasks.find((id) => id !== child.pid) as number;
  const { code, out } = await kcmp('tasks', child.pid, thread, sleeper);
  assert.equal(code, 0);
  assert.match(out, /^Some of these 3 tasks share vm, files, fs and sighand\.\n/);
  assert.match(squeeze(out), new RegExp(`^ *${sleeper} {2}own {2}own {2}own {2}own `, 'm'));
  assert.match(squeeze(out), new RegExp(`^ *${thread} {2}A {2}A {2}A {2}A `, 'm'));
});

test('of many tasks it tells the sets that share, and its JSON has no pairs', async () => {
  await using shell = await startChild();
  const pids = await shell.run(({ childProcess, keep }) => {
    const sleepers = Array.from({ length: 70 }, () => childProcess.spawn('sleep', ['1000'], { stdio: 'ignore' }));
    keep['sleepers'] = sleepers;
    return sleepers.map(({ pid }) => pid as number);
  });
  const threads = await kcmp('tasks', '--threads', shell.pid);
  assert.equal(threads.code, 0);
  const { report, code } = await kcmpJson<TaskSharing>('tasks', shell.pid, ...pids);
  assert.equal(code, 1);
  assert.deepEqual([report.resources.vm, report.groups.vm, report.skipped], [[], [], []]);
  const { out } = await kcmp('tasks', shell.pid, ...pids);
  assert.match(
    squeeze(out),
    /^What these 71 tasks share:\n\nRESOURCE {2}SHARED\nvm {2}nothing that is known to be shared\n/,
  );
  for (const pid of pids) process.kill(pid);
});

test('--json is the report of taskSharing', async () => {
  const { report } = await kcmpJson<TaskSharing>('tasks', me, child.pid, sleeper);
  assert.deepEqual(report, taskSharing([me, child.pid, sleeper]));
});

test("an id that is nobody's is 2", async () => {
  const { code, err } = await kcmp('tasks', me, NO_PID);
  assert.equal(code, 2);
  assert.match(err, new RegExp(`^kcmp: .*ESRCH; there is no task ${NO_PID}, `));
});

test('kernel threads have no address space to share', async (t) => {
  const { code, out } = await kcmp('tasks', 2, 3);
  // In a pid namespace 2 and 3 are something else, or refused.
  if (!/none/.test(out)) return t.skip('pids 2 and 3 are no kernel threads that may be inspected');
  assert.match(squeeze(out), /^ *2 {2}none /m);
  assert.ok(code === 0 || code === 1);
});

test('a zombie has none of what it had, also beside one that has', { skip: familyMissing }, async () => {
  const family = await startFamily({ child: 'z' });
  try {
    const { out } = await kcmp('tasks', family.parent, family.child);
    assert.match(squeeze(out), new RegExp(`^ *${family.child} {2}none {2}none {2}none {2}own `, 'm'));
    assert.match(squeeze(out), new RegExp(`^ *${family.parent} {2}own {2}own {2}own {2}own `, 'm'));
  } finally {
    await family.stop();
  }
});

test('of whom may not be compared it is said why', { skip: needsRoot }, () => {
  const { err, code } = kcmpProcess(['same', process.pid, process.ppid, '--type', 'vm'], AS_NOBODY);
  assert.match(
    err,
    new RegExp(`could not be compared: EPERM: pid ${process.pid} may not be inspected: another user's`),
  );
  assert.equal(code, 2);
});
