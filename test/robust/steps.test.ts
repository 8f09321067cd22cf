/** What moves just between two steps of a question, where the steps are taken by hand: each of these was told wrong. */
import '../support/leash.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { splitEventfds } from '../../src/inspect/groups/inode-buckets.ts';
import type * as inherited from '../../src/inspect/inherited.ts';
import { OpenFiles } from '../../src/scan/inode-columns.ts';
import { hasRested, restOf } from '../../src/scan/rest.ts';
import { drain } from '../../src/util/drain.ts';
import { Fds } from '../support/brute.ts';
import { startChild } from '../support/child.ts';
import * as libc from '../support/libc.ts';

const me = process.pid;
const fds = new Fds();
after(() => fds.closeAll());
const INHERITED = new URL('../../src/inspect/inherited.ts', import.meta.url).href;

test('an eventfd that becomes a pipe before its id is read does not keep the others together', () => {
  const eventfds = Array.from({ length: 40 }, () => fds.eventfd());
  const [end] = fds.pipe();
  const files = new OpenFiles();
  drain(files.list(me));
  const { start, end: stop } = files.spanOf(me);
  const items = Int32Array.from({ length: stop - start }, (_, i) => start + i);
  const dropped = new Map<number | undefined, string>();
  const steps = splitEventfds(files, items, (item, code) => void dropped.set(files.fds[item], code));
  const mover = eventfds[7] as number;
  steps.next(); // before the links are read
  steps.next(); // before the ids are
  fds.dup2(end, mover);
  drain(steps);
  assert.equal(files.isSplit, true);
  assert.equal(dropped.get(mover), 'EAGAIN');
  assert.deepEqual(
    eventfds.filter((fd) => dropped.has(fd)),
    [mover],
  );
});

test('where kcmp is refused, what was inherited has the link of what it was inherited from', async () => {
  const given = [...libc.socketpair(), ...libc.socketpair()].map((fd) => fds.add(fd)).filter((_, i) => i % 2 === 0);
  await using child = await startChild({ fds: given });
  const found = await child.run(
    async ({ libc, seccomp }, source: string, from: number, count: number) => {
      seccomp.refuseKcmp('EPERM');
      const { askInherited } = (await import(source)) as typeof inherited;
      const moving = libc.dup(4);
      return Array.from({ length: count }, (_, phase) => {
        const { steps } = askInherited(process.pid, { from });
        for (let n = phase; ; n++) {
          const step = steps.next();
          if (step.done) return step.value.inherited.filter(({ fd }) => fd === moving);
          libc.dup2(4 + (n % 2), moving);
        }
      }).flat();
    },
    INHERITED,
    me,
    10,
  );
  for (const { from, link } of found) assert.equal(link, readlinkSync(`/proc/self/fd/${from.fd}`));
});

test('who sleeps has rested, and who runs all the while has not, however few its turns are', async () => {
  const running = spawn('sh', ['-c', 'while :; do :; done']);
  const sleeping = spawn('sleep', ['100']);
  try {
    await sleep(100);
    const [pid = 0, other = 0] = [running.pid, sleeping.pid];
    const rest = restOf(other);
    assert.ok(rest !== undefined && hasRested(other, rest));
    for (let time = 0; time < 1000; time++) assert.equal(hasRested(pid, restOf(pid)), false);
    assert.ok(hasRested(other, rest));
    sleeping.kill();
    await sleep(100);
    assert.equal(hasRested(other, rest), false);
  } finally {
    running.kill();
    sleeping.kill();
  }
});
