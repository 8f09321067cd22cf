import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { listProcesses, listTasks } from '../../src/procfs/processes.ts';
import { checkProc, PROC } from '../../src/procfs/root.ts';
import { startWorker } from '../support/worker.ts';
import { needsRoot } from '../support/user.ts';
import { makeTree, printed } from './tree.ts';

const UNAVAILABLE = 'ERR_PROC_UNAVAILABLE';

test('listProcesses finds this process and its parent, in ascending order', () => {
  const pids = listProcesses();
  assert.ok(pids.includes(process.pid));
  assert.deepEqual(
    pids,
    [...pids].sort((a, b) => a - b),
  );
  assert.ok(pids.every((pid) => Number.isSafeInteger(pid) && pid > 0));
});

test('listProcesses takes only names that are numbers, and sorts them as numbers', () => {
  const root = makeTree(
    { 9: null, 100: null, 20: null, '007': null, '1e3': null, '-5': null, ' 6': null, self: null, meminfo: 'x' },
    after,
  );
  assert.deepEqual(listProcesses(root), [9, 20, 100]);
});

test('listProcesses says which folder cannot be listed', () => {
  assert.throws(() => listProcesses('/nowhere'), { code: UNAVAILABLE, message: /^\/nowhere cannot be listed: ENOENT/ });
});

test('checkProc accepts the /proc of this machine', () => {
  assert.doesNotThrow(() => checkProc());
  assert.doesNotThrow(() => checkProc(PROC));
});

test('checkProc refuses a folder where no proc filesystem is mounted', () => {
  const root = makeTree({}, after);
  assert.throws(() => checkProc(root), { code: UNAVAILABLE, message: /is not a proc filesystem .*ENOENT/ });
});

test('checkProc refuses a proc filesystem where this process has another number', () => {
  const root = makeTree({ self: { link: '4711' } }, after);
  assert.throws(() => checkProc(root), { code: UNAVAILABLE, message: /another pid namespace: .*4711/ });
});

test('listProcesses refuses to answer in a new pid namespace that still sees the old /proc', {
  skip: needsRoot,
}, () => {
  const code = printed(
    'processes',
    '(() => { try { return m.listProcesses(); } catch (error) { return error.code; } })()',
    ['unshare', '--pid', '--fork'],
  );
  assert.equal(code, UNAVAILABLE);
});

test('listTasks finds the threads of this process', async () => {
  const worker = startWorker(new URL('../support/thread.ts', import.meta.url));
  const [tid] = (await once(worker, 'message')) as [number];
  const tasks = listTasks(process.pid);
  assert.ok(Array.isArray(tasks) && tasks.includes(process.pid) && tasks.includes(tid));
  assert.deepEqual(listTasks(tid), tasks, "a thread's number leads to the tasks of its process");
  assert.ok(!listProcesses().includes(tid), 'a thread is no process');
  await worker.terminate();
});

test('listTasks answers ENOENT for a process that has ended', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  assert.equal(listTasks(child.pid as number), 'ENOENT');
});
