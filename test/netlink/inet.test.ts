/** TCP and UDP sockets in every state, as netlink lists them. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { dumpInet, getInet, type InetFilter, lookUpInet } from '../../src/netlink/inet.ts';
import {
  type Endpoint,
  INET_TABLES,
  type InetSocket,
  type InetTable,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
} from '../../src/util/socket.ts';
import { answered, ask } from '../support/diag.ts';
import * as libc from '../support/libc.ts';
import { until } from '../support/until.ts';
import * as sockets from '../support/sockets.ts';

const { AF_INET, AF_INET6, STREAM, DGRAM, inetAddress, inoOf, portOf } = sockets;

const open: number[] = [];
afterEach(() => open.splice(0).forEach(libc.close));
const keep = (fd: number): number => (open.push(fd), fd);
const close = (fd: number): void => (open.splice(open.indexOf(fd), 1), libc.close(fd), undefined);

const LOCALHOST = '127.0.0.1';
const uid = process.getuid?.();

const [TCP4, TCP6, UDP4, UDP6] = INET_TABLES as [InetTable, InetTable, InetTable, InetTable];

/** Why IPv6 cannot be had, or false. */
const noV6 = ((): string | false => {
  const fd = sockets.socket(AF_INET6, STREAM);
  try {
    sockets.bind(fd, inetAddress({ address: '::1', port: 0 }));
    return false;
  } catch (error) {
    return `no IPv6: ${(error as Error).message}`;
  } finally {
    libc.close(fd);
  }
})();

const dump = (table: InetTable, filter?: InetFilter): InetSocket[] => ask((diag) => dumpInet(diag, table, filter));

/** What the table says of a descriptor's socket, which a look-up says too. */
function look(fd: number, table: InetTable): InetSocket {
  const ino = inoOf(fd);
  const [socket, ...others] = dump(table).filter((listed) => listed.ino === ino);
  assert.ok(socket !== undefined && others.length === 0, `${others.length + 1} sockets with the inode ${ino}`);
  assert.deepEqual(
    ask((diag) => lookUpInet(diag, [ino])),
    { found: new Map([[ino, socket]]) },
  );
  return socket;
}

interface Connection {
  server: number;
  client: number;
  serverAt: Endpoint;
  clientAt: Endpoint;
}

/** A client that is connected, and not accepted yet. `family` is the listener's. */
function connection(family: number, to: string, mapped: boolean = false, on: string = to): Connection {
  const server = keep(sockets.listener(STREAM, inetAddress({ address: on, port: 0 }, family === AF_INET6), 5));
  const serverAt = { address: to, port: portOf(server) };
  const client = keep(sockets.client(STREAM, inetAddress(serverAt, mapped)));
  return { server, client, serverAt, clientAt: { address: to, port: portOf(client) } };
}
const accept = (fd: number): number => keep(sockets.accept(fd));

const ANYWHERE4 = { address: '0.0.0.0', port: 0 };
const ANYWHERE6 = { address: '::', port: 0 };

describe('TCP', () => {
  test('a listener', () => {
    const { server, serverAt } = connection(AF_INET, LOCALHOST);
    assert.deepEqual(look(server, TCP4), {
      ...TCP4,
      ino: inoOf(server),
      state: 'LISTEN',
      local: serverAt,
      remote: ANYWHERE4,
      rqueue: 1,
      wqueue: 5,
      uid,
      ifindex: 0,
      shutdown: 0,
      v6only: undefined,
    });
  });

  for (const [title, table, family, to, mapped, on, skip] of [
    ['IPv4', TCP4, AF_INET, LOCALHOST, false, LOCALHOST, false],
    ['IPv6', TCP6, AF_INET6, '::1', false, '::1', noV6],
    ['IPv4 in IPv6 at the listener', TCP4, AF_INET6, LOCALHOST, false, '::', noV6],
    ['IPv4 in IPv6 at the client', TCP6, AF_INET, LOCALHOST, true, LOCALHOST, noV6],
  ] as const) {
    test(`${title}: the end that is not accepted has no inode, and mirrors the other one's addresses`, { skip }, () => {
      const { server, client, serverAt, clientAt } = connection(family, to, mapped, on);
      const mine = look(client, table);
      assert.deepEqual([mine.state, mine.local, mine.remote], ['ESTABLISHED', clientAt, serverAt]);
      const mirrored = (): InetSocket | undefined => {
        const match = ask((diag) => getInet(diag, 'tcp', mine.remote, mine.local));
        assert.ok(match?.exact);
        return match.socket;
      };
      assert.deepEqual([mirrored()?.ino, mirrored()?.uid, mirrored()?.state], [0, undefined, 'ESTABLISHED']);
      const accepted = accept(server);
      assert.deepEqual(mirrored(), look(accepted, family === AF_INET ? TCP4 : TCP6));
      assert.deepEqual([mirrored()?.local, mirrored()?.remote], [serverAt, clientAt]);
    });
  }

  test('getInet names the listener when nobody has both addresses, and says so; nobody where nobody listens', () => {
    const { server, serverAt } = connection(AF_INET, LOCALHOST);
    const other = { address: '127.0.0.9', port: 9 };
    const match = ask((diag) => getInet(diag, 'tcp', serverAt, other));
    assert.deepEqual([match?.exact, match?.socket.ino], [false, inoOf(server)]);
    const nobody = keep(sockets.socket(AF_INET, STREAM));
    sockets.bind(nobody, inetAddress({ address: LOCALHOST, port: 0 }));
    const free = { address: LOCALHOST, port: portOf(nobody) };
    assert.equal(
      ask((diag) => getInet(diag, 'tcp', free, other)),
      undefined,
    );
    assert.equal(
      ask((diag) => getInet(diag, 'tcp', { address: 'localhost', port: 1 }, other)),
      undefined,
    );
  });

  test('getInet finds a socket that is bound to the loopback interface', () => {
    const { server, client, serverAt, clientAt } = connection(AF_INET, LOCALHOST);
    const accepted = accept(server);
    const SOL_SOCKET = 1;
    const SO_BINDTOIFINDEX = 62;
    sockets.setOption(accepted, SOL_SOCKET, SO_BINDTOIFINDEX, 1);
    const match = ask((diag) => getInet(diag, 'tcp', serverAt, clientAt));
    assert.deepEqual([match?.exact, match?.socket.ino, match?.socket.ifindex], [true, inoOf(accepted), 1]);
    assert.equal(look(client, TCP4).ifindex, 0);
  });

  test('a port that is bound and nothing else', () => {
    const fd = keep(sockets.socket(AF_INET, STREAM));
    sockets.bind(fd, inetAddress({ address: LOCALHOST, port: 0 }));
    const local = { address: LOCALHOST, port: portOf(fd) };
    const { found } = ask((diag) => lookUpInet(diag, [inoOf(fd)]));
    // Linux before 6.8 has it in no table.
    for (const socket of found.values()) assert.deepEqual([socket.state, socket.local], ['CLOSE', local]);
    const filtered = dump(TCP4, { localPort: local.port });
    assert.deepEqual(filtered, [...found.values()]);
    assert.deepEqual(dump(TCP4, { localPort: local.port === 1 ? 2 : 1 }), []);
  });

  test('the ends of a connection that is being closed', async () => {
    const { server, client, serverAt, clientAt } = connection(AF_INET, LOCALHOST);
    const accepted = accept(server);
    const states = (): string[] =>
      [
        [serverAt, clientAt],
        [clientAt, serverAt],
      ].map(([local, remote]) => {
        const match = ask((diag) => getInet(diag, 'tcp', local as Endpoint, remote as Endpoint));
        return match?.exact ? `${match.socket.state} ${match.socket.ino} ${match.socket.shutdown}` : 'none';
      });
    sockets.shutdown(client, sockets.SHUT_WR);
    await until('the end is acknowledged', () => states()[1]?.startsWith('FIN_WAIT2') === true);
    assert.deepEqual(states(), [
      `CLOSE_WAIT ${inoOf(accepted)} ${RCV_SHUTDOWN}`,
      `FIN_WAIT2 ${inoOf(client)} ${SEND_SHUTDOWN}`,
    ]);
    close(client);
    assert.match(states()[1] as string, /^FIN_WAIT2 0 /);
    close(accepted);
    await until('the connection is closed', () => states()[0] === 'none');
    assert.equal(states()[1], 'TIME_WAIT 0 undefined');
    const [old] = dump(TCP4, { states: ['TIME_WAIT'], localPort: clientAt.port, remotePort: serverAt.port });
    assert.deepEqual([old?.ino, old?.uid, old?.remote], [0, undefined, serverAt]);
  });

  test('filters by state and port leave out everything else', () => {
    const { server, client, serverAt, clientAt } = connection(AF_INET, LOCALHOST);
    const accepted = accept(server);
    const inos = (filter: InetFilter): number[] => dump(TCP4, filter).map(({ ino }) => ino);
    const sorted = (...fds: number[]): number[] => fds.map(inoOf).sort((a, b) => a - b);
    assert.deepEqual(
      inos({ localPort: serverAt.port }).sort((a, b) => a - b),
      sorted(server, accepted),
    );
    assert.deepEqual(inos({ localPort: serverAt.port, states: ['LISTEN'] }), sorted(server));
    assert.deepEqual(inos({ localPort: serverAt.port, remotePort: clientAt.port }), sorted(accepted));
    assert.deepEqual(inos({ remotePort: serverAt.port }), sorted(client));
    assert.ok(inos({ states: ['LISTEN'] }).includes(inoOf(server)));
    assert.ok(dump(TCP4, { states: ['LISTEN'] }).every(({ state }) => state === 'LISTEN'));
    assert.deepEqual(inos({ states: [] }), []);
  });

  test('whether an IPv6 listener takes IPv4', { skip: noV6 }, () => {
    const IPPROTO_IPV6 = 41;
    const IPV6_V6ONLY = 26;
    for (const only of [true, false]) {
      const fd = keep(sockets.socket(AF_INET6, STREAM));
      sockets.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, only ? 1 : 0);
      sockets.bind(fd, inetAddress(ANYWHERE6));
      sockets.listen(fd, 1);
      const { state, v6only, local, remote } = look(fd, TCP6);
      assert.deepEqual([state, v6only, local, remote], ['LISTEN', only, { ...ANYWHERE6, port: portOf(fd) }, ANYWHERE6]);
    }
  });

  test('an MPTCP socket stands there under its own inode', (t) => {
    const IPPROTO_MPTCP = 262;
    let fd: number;
    try {
      fd = keep(sockets.socket(AF_INET, STREAM, IPPROTO_MPTCP));
    } catch (error) {
      return t.skip(`no MPTCP: ${(error as Error).message}`);
    }
    sockets.bind(fd, inetAddress({ address: LOCALHOST, port: 0 }));
    sockets.listen(fd, 1);
    assert.equal(look(fd, TCP4).state, 'LISTEN');
  });
});

describe('UDP', () => {
  for (const [title, table, family, address, mapped, skip] of [
    ['IPv4', UDP4, AF_INET, LOCALHOST, false, false],
    ['IPv6', UDP6, AF_INET6, '::1', false, noV6],
    ['IPv4 in IPv6', UDP6, AF_INET, LOCALHOST, true, noV6],
  ] as const) {
    test(`${title}: a receiver, and a sender that is connected with it`, { skip }, () => {
      const receiver = keep(sockets.socket(family, DGRAM));
      sockets.bind(receiver, inetAddress({ address, port: 0 }));
      const to = { address, port: portOf(receiver) };
      const sender = keep(sockets.client(DGRAM, inetAddress(to, mapped)));
      const mine = look(sender, table);
      assert.deepEqual([mine.state, mine.local.address, mine.remote], ['ESTABLISHED', address, to]);
      const received = look(receiver, family === AF_INET ? UDP4 : UDP6);
      assert.deepEqual([received.state, received.local, received.remote.port, received.uid], ['CLOSE', to, 0, uid]);
      const other = ask((diag) => getInet(diag, 'udp', mine.remote, mine.local));
      assert.deepEqual(other, { socket: received, exact: false });
      assert.deepEqual(
        ask((diag) => getInet(diag, 'udp', mine.local, mine.remote)),
        { socket: mine, exact: true },
      );
    });
  }

  test('two that are connected with each other', () => {
    const [a, b] = [keep(sockets.socket(AF_INET, DGRAM)), keep(sockets.socket(AF_INET, DGRAM))];
    for (const fd of [a, b]) sockets.bind(fd, inetAddress({ address: LOCALHOST, port: 0 }));
    const at = [a, b].map((fd) => ({ address: LOCALHOST, port: portOf(fd) })) as [Endpoint, Endpoint];
    sockets.connect(a, inetAddress(at[1]));
    sockets.connect(b, inetAddress(at[0]));
    const match = ask((diag) => getInet(diag, 'udp', at[1], at[0]));
    assert.deepEqual(match, { socket: look(b, UDP4), exact: true });
    libc.write(a, Buffer.from('123'));
    assert.ok(look(b, UDP4).rqueue > 0);
    assert.deepEqual(
      dump(UDP4, { localPort: at[0].port }).map(({ ino }) => ino),
      [inoOf(a)],
    );
  });
});

describe('lookUpInet', () => {
  test('finds sockets of every table, and no others', { skip: noV6 }, () => {
    const listeners = [AF_INET, AF_INET6].flatMap((family) =>
      [STREAM, DGRAM].map((type) => {
        const fd = keep(sockets.socket(family, type));
        sockets.bind(fd, inetAddress({ address: family === AF_INET ? LOCALHOST : '::1', port: 0 }));
        if (type === STREAM) sockets.listen(fd, 1);
        return fd;
      }),
    );
    const inos = listeners.map(inoOf);
    const unix = inoOf(keep(sockets.socket(sockets.AF_UNIX, STREAM)));
    const { found, refusal } = ask((diag) => lookUpInet(diag, [...inos, unix, 0]));
    assert.deepEqual([[...found.keys()].sort(), refusal], [inos.toSorted(), undefined]);
    const some = ask((diag) => lookUpInet(diag, inos, [UDP4]));
    assert.deepEqual([...some.found.keys()], [inos[1]]);
  });

  test('a socket that is bound to nothing is in no table', () => {
    const fds = [STREAM, DGRAM].map((type) => keep(sockets.socket(AF_INET, type)));
    assert.equal(ask((diag) => lookUpInet(diag, fds.map(inoOf))).found.size, 0);
  });

  test('members of a group that shares a port are all told', () => {
    const SO_REUSEPORT = 15;
    const fds: number[] = [];
    for (let i = 0, port = 0; i < 3; i++) {
      const fd = keep(sockets.socket(AF_INET, STREAM));
      sockets.setOption(fd, 1, SO_REUSEPORT, 1);
      sockets.bind(fd, inetAddress({ address: LOCALHOST, port }));
      sockets.listen(fd, 1);
      port = portOf(fd);
      fds.push(fd);
    }
    const listed = dump(TCP4, { localPort: portOf(fds[0] as number) }).map(({ ino }) => ino);
    assert.deepEqual(listed.sort(), fds.map(inoOf).sort());
    assert.equal(answered(ask((diag) => lookUpInet(diag, fds.map(inoOf)))).found.size, 3);
  });
});
