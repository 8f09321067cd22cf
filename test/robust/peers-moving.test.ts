/** Other ends that move, come and go while they are looked for: nothing is called closed that is not, nor a wrong holder named. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { FileRef, HolderReport } from '../../src/index.ts';
import { Fds, refs } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import type { Tools } from '../support/child-main.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import * as libc from '../support/libc.ts';
import * as sockets from '../support/sockets.ts';

const me = process.pid;
const MOVES_MS = 1500;
/** The children's number of the socket by which they pass things on. */
const LINE = 4;

const scene = new Fds();
let movers: Child[];
let pids: number[];
before(async () => {
  const line = libc.socketpair();
  movers = await Promise.all(line.map((end) => startChild({ fds: [end] })));
  line.forEach(libc.close);
  pids = [me, ...movers.map(({ pid }) => pid)];
});
after(() => Promise.all(movers.map((child) => child.stop())));
afterEach(() => scene.closeAll());
const mine = (fd: number): FileRef => ({ pid: me, fd });

/** Asks again and again while two processes pass a descriptor to and fro: it is in one of them, in both, or in flight. */
async function whilePassed(fd: number, ask: () => Promise<void>): Promise<number> {
  const [first, second] = movers as [Child, Child];
  const pass = ({ libc }: Tools, line: number, ms: number): number => {
    let passed = 0;
    for (const end = Date.now() + ms; Date.now() < end && libc.poll(line, 500); passed++) {
      const fd = libc.receiveFd(line);
      libc.sendFd(line, fd);
      libc.close(fd);
    }
    return passed;
  };
  // What the second is to receive comes from the first, which is given it from here.
  await first.run(
    ({ libc }, pid: number, fd: number, line: number) => {
      const pidfd = libc.pidfdOpen(pid);
      const own = libc.syscall(438, pidfd, fd, 0);
      libc.sendFd(line, own);
      for (const one of [pidfd, own]) libc.close(one);
    },
    me,
    fd,
    LINE,
  );
  scene.close(fd);
  const passing = Promise.all([first.run(pass, LINE, MOVES_MS), second.run(pass, LINE, MOVES_MS)]);
  let isOver = false;
  void passing.then(() => (isOver = true));
  while (!isOver) {
    await ask();
    await new Promise(setImmediate);
  }
  const [passed = 0] = await passing;
  // Whoever was last has sent it, so that it waits to be received.
  for (const child of movers)
    await child.run(({ libc }, line: number) => {
      while (libc.poll(line, 50)) libc.close(libc.receiveFd(line));
    }, LINE);
  return passed;
}

function assertSane({ otherEnd }: HolderReport): void {
  assert.ok(otherEnd);
  for (const { pid } of otherEnd.holders) assert.ok(pids.includes(pid) && pid !== me, `${pid} never had it`);
  if (otherEnd.holders.length > 0) assert.equal(otherEnd.state, 'connected');
  else assert.deepEqual([otherEnd.state, typeof otherEnd.reason], ['unknown', 'string']);
}

test('the end of a pipe that is passed to and fro is never said to be closed', async (t) => {
  const [read, write] = scene.pipe();
  let asked = 0;
  const passed = await whilePassed(write, async () => {
    assertSane(await findHolders(mine(read), { pids }));
    asked++;
  });
  t.diagnostic(`${asked} questions, passed on ${passed} times`);
  assert.ok(asked > 3);
});

test('nor on the whole machine, where it may be seen nowhere', async (t) => {
  const [read, write] = scene.pipe();
  const states: string[] = [];
  await whilePassed(write, async () => {
    const { otherEnd } = await findHolders(mine(read));
    states.push(`${otherEnd?.state}`);
  });
  t.diagnostic(states.join(' '));
  // When all is over the last one has closed it.
  assert.ok(!states.slice(0, -1).includes('closed'), states.join(' '));
});

test('the end of a socket that is passed to and fro is always connected', { skip: noAnswers }, async () => {
  const [a, b] = sockets.pair(sockets.STREAM).map((fd) => scene.add(fd)) as [number, number];
  await whilePassed(b, async () => {
    const report = await findHolders(mine(a), { pids });
    assertSane(report);
    assert.equal(report.otherEnd?.ends[0]?.state, 'connected');
  });
});

test('who comes and goes all the while does not spoil what else is told', { skip: noAnswers }, async (t) => {
  const [child] = movers as [Child];
  const churn = ({ sockets, libc }: Tools, address: Uint8Array, type: number, ms: number): number => {
    let times = 0;
    for (const end = Date.now() + ms; Date.now() < end; times++) libc.close(sockets.client(type, Buffer.from(address)));
    return times;
  };
  const name = sockets.unixAddress(`@kcmp churn ${me}`);
  const receiver = scene.add(sockets.socket(sockets.AF_UNIX, sockets.DGRAM));
  sockets.bind(receiver, name);
  const churning = child.run(churn, name, sockets.DGRAM, MOVES_MS);
  let isOver = false;
  void churning.then(() => (isOver = true));
  const states = new Set<string>();
  let [asked, unsure] = [0, 0];
  while (!isOver) {
    const { holders, otherEnd, coverage } = await findHolders(mine(receiver), { pids });
    assert.deepEqual(refs(holders), [mine(receiver)]);
    for (const { pid } of otherEnd?.holders ?? []) assert.equal(pid, child.pid);
    asked++;
    if (coverage.skipped.some(({ pid }) => pid === me)) unsure++;
    states.add(`${otherEnd?.state}`);
    await new Promise(setImmediate);
  }
  t.diagnostic(
    `${await churning} came and went: ${[...states].join(', ')}; ${unsure} of ${asked} times not sure of all`,
  );
  assert.ok(unsure <= asked / 4, `${unsure} of ${asked}`);
  assert.ok([...states].every((state) => ['connected', 'unconnected', 'unknown'].includes(state)));
});
