/** What a world is made of: every kind that has another end, and some that have none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '../../support/leash.ts';
import type { FileRef } from '../../../src/index.ts';
import type { Actor } from './actors.ts';
import { type Description, isAlive, type Make, type World } from './world.ts';

export const folder: string = mkdtempSync(join(tmpdir(), 'kcmp-world-'));
const KINDS = new URL('../../support/kinds.ts', import.meta.url).href;

let names = 0;
const refOf = ({ pid }: Actor, fd: number): FileRef[] => [{ pid, fd }];
const [O_RDONLY, O_WRONLY, O_RDWR] = [0, 1, 2];

type Access = 'r' | 'w' | 'rw';
const FLAGS: Record<Access, number> = { r: O_RDONLY, w: O_WRONLY, rw: O_RDWR };
const faces = (a: Access, b: Access): boolean => (a === 'r' ? b !== 'r' : a === 'w' ? b !== 'w' : true);

/** Pipes and FIFOs: everything that is open on one of them. */
function onPipe(world: World, kind: string): (access: Access, refs: FileRef[]) => Description {
  const all: Array<{ access: Access; description: Description }> = [];
  const add = (access: Access, refs: FileRef[]): Description => {
    const description = world.add({
      what: `${kind}, ${access}`,
      refs,
      isSilent: true,
      whenGone: 'unknown',
      whenHeld: 'connected',
      others: () => all.filter((one) => faces(access, one.access)).map((one) => one.description),
      reopen: async ({ fd }, actor) => {
        // Somebody who reads and writes is there first, so that nobody waits for the other end.
        const next = world.random.pick<Access>(['r', 'w', 'rw']);
        return add(
          next,
          refOf(
            actor,
            await actor.run(
              ({ fs }, fd: number, flags: number) => {
                const path = `/proc/self/fd/${fd}`;
                const first = fs.openSync(path, 2);
                const opened = fs.openSync(path, flags);
                fs.closeSync(first);
                return opened;
              },
              fd,
              FLAGS[next],
            ),
          ),
        );
      },
    });
    all.push({ access, description });
    return description;
  };
  return add;
}

const pipe: Make = async (world) => {
  const actor = world.actor();
  const [read, write] = await actor.run(({ libc }) => libc.pipe().map(libc.closeOnExec) as [number, number]);
  const add = onPipe(world, 'pipe');
  add('r', refOf(actor, read));
  add('w', refOf(actor, write));
};

const fifo: Make = async (world) => {
  const actor = world.actor();
  const path = join(folder, `fifo-${names++}`);
  spawnSync('mkfifo', [path]);
  const fd = await actor.run(({ fs }, path: string) => fs.openSync(path, 2), path);
  onPipe(world, 'FIFO')('rw', refOf(actor, fd));
};

/** Two sockets that are connected with each other. */
function connected(world: World, what: string, a: FileRef[], b: FileRef[], whenGone = 'closed'): Description[] {
  const ends: Description[] = [];
  for (const [i, refs] of [a, b].entries())
    ends.push(
      world.add({
        what,
        refs,
        whenGone,
        whenHeld: 'connected',
        others: () => [ends[1 - i] as Description].filter(isAlive),
      }),
    );
  return ends;
}

const pair: Make = async (world) => {
  const actor = world.actor();
  const type = world.random.pick([1, 2, 5]);
  const [a, b] = await actor.run(({ sockets }, type: number) => sockets.pair(type), type);
  connected(world, `unix pair ${type}`, refOf(actor, a), refOf(actor, b));
};

/** A listener with a client, which is accepted later. */
const listening =
  (what: string, type: number, isUnix: boolean, address: () => Buffer, whenUnheard: string): Make =>
  async (world) => {
    const server = world.actor();
    // A path is found from everywhere; all else is of one network namespace.
    const visitor = world.actor(what.includes('path') ? undefined : server.home);
    const bytes = address();
    const [listener, port] = await server.run(
      ({ sockets }, type: number, bytes: Uint8Array, isUnix: boolean) => {
        const fd = sockets.listener(type, Buffer.from(bytes));
        return [fd, isUnix ? 0 : sockets.portOf(fd)] as const;
      },
      type,
      bytes,
      isUnix,
    );
    if (!isUnix) bytes.writeUInt16BE(port, 2);
    const fd = await visitor.run(
      ({ sockets }, type: number, bytes: Uint8Array) => sockets.client(type, Buffer.from(bytes)),
      type,
      bytes,
    );
    let waiting: Description[] = [];
    const heard = world.add({
      what: `${what} listener`,
      refs: refOf(server, listener),
      whenGone: 'listening',
      whenHeld: 'listening',
      others: () => waiting,
    });
    const client: Description = world.add({
      what: `${what} client`,
      refs: refOf(visitor, fd),
      whenGone: whenUnheard,
      whenHeld: 'not-accepted',
      others: () => [heard].filter(isAlive),
      isWaiting: true,
    });
    waiting = [client];
    world.later.push(async () => {
      const from = heard.refs[0];
      if (from === undefined || heard.isAloft || !isAlive(client)) return;
      const acceptor = world.actors.of(from.pid);
      const accepted = await acceptor.run(({ sockets }, fd: number) => sockets.accept(fd), from.fd);
      waiting = [];
      const there = world.add({
        what: `${what} accepted`,
        refs: refOf(acceptor, accepted),
        whenGone: 'closed',
        whenHeld: 'connected',
        others: () => [client].filter(isAlive),
      });
      Object.assign(client, {
        whenGone: 'closed',
        whenHeld: 'connected',
        isWaiting: false,
        others: () => [there].filter(isAlive),
      });
    });
  };

/** A datagram receiver, and who sends to it. */
const datagrams =
  (what: string, isUnix: boolean, address: () => Buffer): Make =>
  async (world) => {
    const actor = world.actor();
    const bytes = address();
    const [fd, port] = await actor.run(
      ({ sockets }, bytes: Uint8Array, isUnix: boolean) => {
        const address = Buffer.from(bytes);
        const fd = sockets.socket(address.readUInt16LE(0), sockets.DGRAM);
        sockets.bind(fd, address);
        return [fd, isUnix ? 0 : sockets.portOf(fd)] as const;
      },
      bytes,
      isUnix,
    );
    if (!isUnix) bytes.writeUInt16BE(port, 2);
    const senders: Description[] = [];
    const receiver = world.add({
      what: `${what} receiver`,
      refs: refOf(actor, fd),
      whenGone: 'unconnected',
      whenHeld: 'connected',
      others: () => senders.filter(isAlive),
    });
    for (let left = world.random.below(3); left >= 0; left--) {
      const sender = world.actor(what.includes('path') ? undefined : actor.home);
      const fd = await sender.run(
        ({ sockets }, bytes: Uint8Array) => sockets.client(sockets.DGRAM, Buffer.from(bytes)),
        bytes,
      );
      senders.push(
        world.add({
          what: `${what} sender`,
          refs: refOf(sender, fd),
          whenGone: 'closed',
          whenHeld: 'connected',
          others: () => [receiver].filter(isAlive),
        }),
      );
    }
  };

const pty: Make = async (world) => {
  const actor = world.actor();
  const [master, tty] = await actor.run(async ({ libc }, kinds: string) => {
    const { openTty } = (await import(kinds)) as typeof import('../../support/kinds.ts');
    return openTty().map(libc.closeOnExec) as [number, number];
  }, KINDS);
  const slaves: Description[] = [];
  const mastered = world.add({
    what: 'pty master',
    refs: refOf(actor, master),
    isSilent: true,
    whenGone: 'unknown',
    whenHeld: 'connected',
    others: () => slaves,
  });
  const addSlave = (refs: FileRef[]): Description => {
    const slave = world.add({
      what: 'pty slave',
      refs,
      isSilent: true,
      whenGone: 'closed',
      whenHeld: 'connected',
      others: () => [mastered].filter(isAlive),
      reopen: async ({ fd }, by) => {
        if (!isAlive(mastered)) return slave; // what is hung up cannot be opened again
        const O_NOCTTY = 0o400;
        const opened = await by.run(
          ({ fs }, fd: number, flags: number) => fs.openSync(fs.readlinkSync(`/proc/self/fd/${fd}`), flags),
          fd,
          O_RDWR | O_NOCTTY,
        );
        return addSlave(refOf(by, opened));
      },
    });
    slaves.push(slave);
    return slave;
  };
  addSlave(refOf(actor, tty));
};

const alone: Make = async (world) => {
  const actor = world.actor();
  const which = world.random.below(4);
  const fd = await actor.run(
    ({ fs, libc, sockets }, which: number) =>
      which === 0
        ? fs.openSync('/', 'r')
        : libc.closeOnExec(
            which === 1 ? libc.eventfd() : which === 2 ? libc.epollCreate() : sockets.socket(sockets.AF_NETLINK, 3),
          ),
    which,
  );
  world.add({ what: 'alone', refs: refOf(actor, fd), isAlone: true, whenGone: '', whenHeld: '', others: () => [] });
};

const unix = (name: string): Buffer =>
  Buffer.concat([Buffer.from([1, 0]), Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`)]);
const abstract = (): Buffer => unix(`@kcmp world ${process.pid} ${names++}`);
const path = (): Buffer => unix(join(folder, `socket-${names++}`));
const v4 = (): Buffer => Buffer.from([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const v6 = (mapped: boolean): Buffer => {
  const bytes = Buffer.alloc(28);
  bytes[0] = 10;
  if (mapped) bytes.set([0xff, 0xff, 127, 0, 0, 1], 18);
  else bytes[23] = 1;
  return bytes;
};

/** @param hasV6 - whether ::1 can be bound */
export const makesOf = (hasV6: boolean): Make[] => [
  pipe,
  fifo,
  pair,
  pair,
  listening('unix abstract', 1, true, abstract, 'closed'),
  listening('unix path', 1, true, path, 'closed'),
  listening('unix path, packets', 5, true, path, 'closed'),
  listening('tcp', 1, false, v4, 'unconnected'),
  datagrams('unix dgram abstract', true, abstract),
  datagrams('unix dgram path', true, path),
  datagrams('udp', false, v4),
  ...(hasV6
    ? [
        listening('tcp6', 1, false, () => v6(false), 'unconnected'),
        listening('tcp of IPv4 in IPv6', 1, false, () => v6(true), 'unconnected'),
        datagrams('udp6', false, () => v6(false)),
      ]
    : []),
  pty,
  alone,
];
