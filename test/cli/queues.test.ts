/** kcmp who on sockets: a full queue is told in the first line, and what waits in the others. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findHolders, type SocketQueues } from '../../src/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { kcmp } from './command.ts';

let child: Child;
before(async () => {
  child = await startChild();
});
after(() => child.stop());

const queuesOf = (fd: number): SocketQueues | null =>
  findHolders({ pid: child.pid, fd }, { pids: [child.pid], parts: [] }).queues;

test('a listener whose queue is full does not accept', { skip: noAnswers }, async () => {
  const where = ['--pid', child.pid];
  const [fd, port] = await child.run(({ sockets, keep }) => {
    const address = sockets.inetAddress({ address: '127.0.0.1', port: 0 });
    const fd = sockets.listener(sockets.STREAM, address, 1);
    keep['address'] = sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(fd) });
    return [fd, sockets.portOf(fd)] as const;
  });
  const connect = (): Promise<number> =>
    child.run(({ sockets, keep }) => sockets.client(sockets.STREAM, keep['address'] as Buffer));
  await connect();
  assert.deepEqual(queuesOf(fd), { pending: 1, backlog: 1 });
  const notFull = await kcmp('who', `:${port}`, ...where);
  assert.match(notFull.out, /^Flags: rdwr\. Not accepted yet: 1 of 1\.$/m);
  assert.doesNotMatch(notFull.out, /queue is full/);
  await connect();
  assert.deepEqual(queuesOf(fd), { pending: 2, backlog: 1 });
  const full = await kcmp('who', `:${port}`, ...where);
  assert.match(full.out, /^tcp .* listening is held by .*; it does not accept: its queue is full, with 2 of 1[;.]/);
  const byFd = await kcmp('who', `${child.pid}:${fd}`, ...where);
  assert.match(byFd.out.split('\n')[0] as string, /; it does not accept: its queue is full, with 2 of 1;/);
});

test('what a connection has not read, and what has not arrived', { skip: noAnswers }, async () => {
  const [here, there, file] = await child.run(({ sockets, libc, fs }) => {
    const [here, there] = sockets.pair(sockets.STREAM);
    libc.write(here, new Uint8Array(5));
    return [here, there, fs.openSync('/dev/null', 'r')] as const;
  });
  assert.equal((queuesOf(there) as { unread: number }).unread, 5);
  assert.ok((queuesOf(here) as { unsent: number }).unsent > 0);
  assert.equal(queuesOf(file), null);
  const { out } = await kcmp('who', `${child.pid}:${there}`, '--pid', child.pid);
  assert.match(out, /^Flags: rdwr\. Not read yet: 5 bytes\.$/m);
  const sender = await kcmp('who', `${child.pid}:${here}`, '--pid', child.pid);
  assert.match(sender.out, /^Flags: rdwr\. Not read by the other end yet: \d+ bytes of memory\.$/m);
});

test('the end of a stream is no byte that was not read', { skip: noAnswers }, async () => {
  const [accepted, withData] = await child.run(({ sockets, libc }) => {
    const listener = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }), 5);
    const address = sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(listener) });
    const ended = (bytes: number): number => {
      const client = sockets.client(sockets.STREAM, address);
      if (bytes > 0) libc.write(client, new Uint8Array(bytes));
      libc.close(client);
      return sockets.accept(listener);
    };
    return [ended(0), ended(7)] as const;
  });
  assert.deepEqual(queuesOf(accepted), { unread: 0, unsent: 0 });
  assert.deepEqual(queuesOf(withData), { unread: 7, unsent: 0 });
});

test('who has closed before being accepted is told beside a queue that counts it', { skip: noAnswers }, async () => {
  const [tcp, unix] = await child.run(({ sockets, libc }) => {
    const tcp = sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 }), 5);
    const unix = sockets.listener(sockets.STREAM, sockets.unixAddress(`@closed-${process.pid}`), 5);
    libc.close(
      sockets.client(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(tcp) })),
    );
    libc.close(sockets.client(sockets.STREAM, sockets.unixAddress(`@closed-${process.pid}`)));
    return [tcp, unix] as const;
  });
  const first = async (fd: number): Promise<string> =>
    (await kcmp('who', `${child.pid}:${fd}`, '--pid', child.pid)).out.split('\n')[0] as string;
  assert.match(await first(tcp), /; of 1 that waits to be accepted nobody here has the other end/);
  assert.match(await first(unix), /; nobody waits to be accepted \(1 closed before being accepted\)/);
});
