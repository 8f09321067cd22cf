/** kcmp who PID: whose the other ends are, where several have a pipe, both of its ends, or the process itself does. */
import '../support/alone.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { untilNamed } from '../support/scenes.ts';
import { kcmp } from './command.ts';

const me = process.pid;
const fds = new Fds();
after(() => fds.closeAll());

/** What is said of one descriptor, and in the first line. */
async function told(pid: number, fd: number): Promise<{ first: string; row: string }> {
  const { out } = await kcmp('who', pid);
  const lines = out.split('\n');
  const row = lines.find((line) => new RegExp(`^ *${fd}  `).test(line)) ?? assert.fail(out);
  return { first: lines[0] as string, row: row.split(/ {2,}/).at(-1) as string };
}

/** A child that has a pipe, or one end of it, and sleeps that have its write end. */
async function pipeWithSleeps(
  count: number,
  isOwn: boolean,
): Promise<{ child: Child; ends: number[]; sleeps: number[] }> {
  const child = await startChild();
  const [ends, sleeps] = await child.run(
    ({ libc, childProcess }, count: number, isOwn: boolean) => {
      const [read, write] = libc.pipe();
      libc.closeAllOnExec();
      const sleeps = Array.from({ length: count }, () =>
        childProcess.spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', write] }),
      );
      process.on('exit', () => sleeps.forEach((sleep) => void sleep.kill('SIGKILL')));
      if (!isOwn) libc.close(write);
      return [[read, write], sleeps.map(({ pid }) => pid as number)] as const;
    },
    count,
    isOwn,
  );
  for (const pid of sleeps) await untilNamed(pid, 'sleep');
  return { child, ends: [...ends], sleeps };
}

const stop = async ({ child, sleeps }: { child: Child; sleeps: number[] }): Promise<void> => {
  for (const pid of sleeps) process.kill(pid, 'SIGKILL');
  await child.stop();
};

test('a descriptor of who has both ends is not told as one of the process', async () => {
  const scene = await pipeWithSleeps(1, true);
  try {
    const [read, write] = scene.ends as [number, number];
    const { first, row } = await told(scene.sleeps[0] as number, 3);
    const parent = `held by .*\\(${scene.child.pid}\\), fd`;
    assert.match(row, new RegExp(`^also ${parent} ${write}; other end ${parent} ${read}$`));
    assert.match(first, new RegExp(`; the other end of fd 3 is ${parent} ${read}\\.$`));
  } finally {
    await stop(scene);
  }
});

test('who has the other end itself is told so, beside the others', async () => {
  const scene = await pipeWithSleeps(1, true);
  try {
    const [read, write] = scene.ends as [number, number];
    const { first, row } = await told(scene.child.pid, read);
    const sleep = `sleep \\(${scene.sleeps[0]}\\), fd 3`;
    assert.match(row, new RegExp(`^other end fd ${write}, also held by ${sleep}$`));
    assert.match(first, new RegExp(`the other end of fd ${read} is held by ${sleep}, and by its own fd ${write}[,.;]`));
  } finally {
    await stop(scene);
  }
});

test('of several that have the other end the first line tells how many', async () => {
  const scene = await pipeWithSleeps(2, false);
  try {
    const [read] = scene.ends as [number];
    const { first, row } = await told(scene.child.pid, read);
    const sleep = `held by sleep \\((?:${scene.sleeps.join('|')})\\), fd 3, and 1 more process`;
    assert.match(row, new RegExp(`^other end ${sleep}$`));
    assert.match(first, new RegExp(`the other end of fd ${read} is ${sleep}[,.;]`));
  } finally {
    await stop(scene);
  }
});

test('many that are not accepted are told to be so, and their listener once', async () => {
  await using server = await startChild();
  await using child = await startChild();
  const { listener, port } = await server.run(({ sockets }) => {
    const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }));
    return { listener, port: sockets.portOf(listener) };
  });
  const clients = await child.run(({ sockets }, port: number) => {
    const address = sockets.inetAddress({ address: '127.0.0.1', port });
    return Array.from({ length: 6 }, () => sockets.client(sockets.STREAM, address));
  }, port);
  const held = `held by \\S+ \\(${server.pid}\\), fd`;
  const [none, ...others] = clients as [number, ...number[]];
  const waiting = await kcmp('who', child.pid);
  const fds = `${clients.slice(0, 3).join(', ')} and 3 more`;
  assert.match(waiting.out, new RegExp(`; the other ends of fd ${fds} are not accepted, ${held} ${listener}[.;,]`));
  assert.match(waiting.out, new RegExp(`\\n6 tcp .*, their other ends not accepted, ${held} ${listener}: fd ${fds} `));
  const accepted = await server.run(({ sockets }, listener) => sockets.accept(listener), listener);
  const { first } = await told(child.pid, none);
  const rest = `${others.slice(0, 3).join(', ')} and 2 more are not accepted, ${held} ${listener}`;
  assert.match(first, new RegExp(`the other end of fd ${none} is ${held} ${accepted}, those of fd ${rest}[.;,]`));
});

test('an other end that this command alone has is told as that', async () => {
  const [read] = fds.pipe();
  await using child = await startChild({ fds: [read] });
  fds.close(read);
  const { row } = await told(child.pid, 4);
  assert.equal(row, 'other end held by nobody (only this command has it)');
  const { code, out } = await kcmp('who', `${child.pid}:4`);
  assert.match(out, /; its other end is held by nobody \(only this command has it\)\.\n/);
  // An ordinary user cannot see everybody.
  assert.notEqual(code, 0);
});

test('a memfd is nobody else’s deleted file', async () => {
  await using child = await startChild();
  const name = `kcmp-ends-${me}`;
  const fd = await child.run(({ libc }, name: string) => libc.memfd(name), name);
  const { code, out } = await kcmp('who', `memfd:${name}`);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^memfd:${name} is held by .*\\(${child.pid}\\), fd ${fd}\\.\n`));
});
