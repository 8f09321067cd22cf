/** lsof +E and ss tell the same of other ends, wherever they tell anything. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Fds } from '../support/brute.ts';
import { type Child, startChild } from '../support/child.ts';
import { noAnswers } from '../support/diag.ts';
import { findHolders } from '../support/door.ts';
import { openTty } from '../support/kinds.ts';
import * as sockets from '../support/sockets.ts';
import { works } from '../support/user.ts';

const me = process.pid;
const fds = new Fds();
let heir: Child;
let pids: number[];
/** One descriptor of each kind, whose other end is held by this process, by another, or by both. */
const asked = new Map<string, number>();

before(async () => {
  const add = (fd: number): number => fds.add(fd);
  const [read, write] = fds.pipe();
  const [a, b] = sockets.pair(sockets.STREAM).map(add) as [number, number];
  const [c, d] = sockets.pair(sockets.DGRAM).map(add) as [number, number];
  const [master, tty] = openTty().map(add) as [number, number];
  const server = add(sockets.listener(sockets.STREAM, sockets.inetAddress({ address: '127.0.0.1', port: 0 })));
  const address = sockets.inetAddress({ address: '127.0.0.1', port: sockets.portOf(server) });
  const client = add(sockets.client(sockets.STREAM, address));
  const accepted = add(sockets.accept(server));
  heir = await startChild({ fds: [write, b, d, tty, accepted] });
  pids = [me, heir.pid];
  fds.close(b, accepted);
  for (const [kind, fd] of Object.entries({
    pipe: read,
    stream: a,
    dgram: c,
    master,
    tcp: client,
    'written pipe': write,
  }))
    asked.set(kind, fd);
});
after(async () => {
  await heir.stop();
  fds.closeAll();
});

const ours = async (fd: number): Promise<string[]> => {
  const { otherEnd } = await findHolders({ pid: me, fd }, { pids });
  return (otherEnd?.holders ?? []).map((holder) => `${holder.pid}:${holder.fd}`).sort();
};
/** Only of these processes; a neighbour may have a copy for a moment. */
const among = (found: Iterable<RegExpMatchArray>): string[] =>
  [...new Set(Array.from(found, ([, pid, fd]) => `${pid}:${fd}`))]
    .filter((key) => pids.includes(Number(key.split(':')[0])))
    .sort();

test('lsof +E names the same holders', { skip: !works(['lsof', '-v']) && 'needs lsof' }, async () => {
  const { stdout } = spawnSync('lsof', ['-nP', '+E', '-a', '-p', `${me}`, '-d', [...asked.values()].join()], {
    encoding: 'utf8',
  });
  for (const [kind, fd] of asked) {
    const line = stdout.split('\n').find((one) => new RegExp(`^\\S+ +${me} +\\S+ +${fd}[a-z ]`).test(one));
    assert.ok(line !== undefined, `${kind} in ${stdout}`);
    // Of a pipe it lists who writes as the other end of who writes as well.
    const end = kind === 'written pipe' ? /(\d+),[^,\s]+,(\d+)[ru]/g : /(\d+),[^,\s]+,(\d+)/g;
    assert.deepEqual(await ours(fd), among(line.matchAll(end)), `${kind}: ${line}`);
  }
});

test('ss names the same holders of unix sockets', {
  skip: noAnswers || (!works(['ss', '-V']) && 'needs ss'),
}, async () => {
  const lines = spawnSync('ss', ['-xapnH'], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout.split('\n');
  for (const kind of ['stream', 'dgram']) {
    const fd = asked.get(kind) as number;
    const ino = sockets.inoOf(fd);
    const peer = lines.find((line) => new RegExp(`^u_\\S+ .* ${ino}( +users:.*)?$`).test(line.trimEnd()));
    assert.ok(peer !== undefined, `${kind}: no socket has ${ino} as its peer`);
    assert.deepEqual(await ours(fd), among(peer.matchAll(/pid=(\d+),fd=(\d+)/g)), `${kind}: ${peer}`);
  }
});
