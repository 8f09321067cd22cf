/** nameOf: what people call an open file, by what the kernel says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Known, nameOf } from '../../src/inspect/names.ts';
import type { FoundSocket } from '../../src/netlink/sockets.ts';
import type { InetSocket, SocketState, UnixListing } from '../../src/util/socket.ts';

const name = (known: Known): string | null => nameOf(known);
const withText = (kind: Known['kind'], link: string, ...lines: string[]): string | null =>
  name({ kind, link, info: { text: lines.map((line) => `${line}\n`).join('') } });
const withFlags = (kind: Known['kind'], link: string, flags: number): string | null =>
  name({ kind, link, info: { flags, text: '' } });

const inet = (
  state: SocketState,
  [address, port]: [string, number],
  [remote, remotePort]: [string, number],
  protocol: InetSocket['protocol'] = 'tcp',
): InetSocket => ({
  ino: 1,
  protocol,
  family: 4,
  state,
  local: { address, port },
  remote: { address: remote, port: remotePort },
  rqueue: 0,
  wqueue: 0,
  uid: 0,
  ifindex: 0,
  shutdown: 0,
  v6only: undefined,
});
const unix = (type: UnixListing['type'], state: SocketState, path?: string): UnixListing => ({
  ino: 1,
  type,
  state,
  name: path,
});
const socket = (found: Partial<FoundSocket>): string | null =>
  name({
    kind: 'socket',
    link: 'socket:[1]',
    socket: { protocol: undefined, socket: undefined, refusal: undefined, ...found },
  });

const ANY: [string, number] = ['0.0.0.0', 0];

test('a TCP socket has its addresses and its state', () => {
  assert.equal(socket({ socket: inet('LISTEN', ['127.0.0.1', 80], ANY) }), 'tcp 127.0.0.1:80 listening');
  assert.equal(
    socket({ socket: inet('ESTABLISHED', ['127.0.0.1', 4711], ['127.0.0.1', 80]) }),
    'tcp 127.0.0.1:4711 -> 127.0.0.1:80 established',
  );
  assert.equal(socket({ socket: inet('FIN_WAIT2', ['::1', 1], ['::1', 2]) }), 'tcp [::1]:1 -> [::1]:2 fin-wait-2');
  assert.equal(socket({ socket: inet('CLOSE_WAIT', ['::1', 1], ['::1', 2]) }), 'tcp [::1]:1 -> [::1]:2 close-wait');
  assert.equal(socket({ socket: inet('CLOSE', ['127.0.0.1', 80], ANY) }), 'tcp 127.0.0.1:80 unconnected');
  assert.equal(socket({ socket: inet('CLOSE', ANY, ANY) }), 'tcp unconnected');
  assert.equal(socket({ protocol: 'MPTCP', socket: inet('LISTEN', ['::', 80], ['::', 0]) }), 'mptcp [::]:80 listening');
  assert.equal(socket({ protocol: 'TCPv6', socket: inet('LISTEN', ['::', 80], ['::', 0]) }), 'tcp [::]:80 listening');
});

test('a UDP socket has its addresses', () => {
  assert.equal(socket({ socket: inet('CLOSE', ['0.0.0.0', 53], ANY, 'udp') }), 'udp 0.0.0.0:53');
  assert.equal(
    socket({ socket: inet('ESTABLISHED', ['127.0.0.1', 5], ['127.0.0.1', 53], 'udp') }),
    'udp 127.0.0.1:5 -> 127.0.0.1:53',
  );
  assert.equal(socket({ socket: inet('CLOSE', ANY, ANY, 'udp') }), 'udp unconnected');
});

test('a unix socket has its type and the name that it is bound to', () => {
  assert.equal(socket({ socket: unix('stream', 'LISTEN', '/run/x.sock') }), 'unix stream /run/x.sock listening');
  assert.equal(socket({ socket: unix('stream', 'ESTABLISHED', '/run/x.sock') }), 'unix stream /run/x.sock');
  assert.equal(socket({ socket: unix('seqpacket', 'ESTABLISHED') }), 'unix seqpacket');
  assert.equal(socket({ socket: unix('stream', 'CLOSE') }), 'unix stream unconnected');
  assert.equal(socket({ socket: unix('dgram', 'CLOSE', '@log') }), 'unix dgram @log');
  assert.equal(socket({ socket: unix('unknown', 'ESTABLISHED', '@x') }), 'unix @x');
});

test('a socket without a table has its protocol, one that could not be looked up no name', () => {
  const refusal = { refused: 'blocked', code: 'EPERM' } as const;
  assert.equal(socket({ protocol: 'NETLINK' }), 'netlink');
  assert.equal(socket({ protocol: 'AF_VSOCK' }), 'vsock');
  assert.equal(socket({ protocol: 'SCTPv6' }), 'sctp');
  assert.equal(socket({ protocol: 'TCP' }), 'tcp');
  assert.equal(socket({ protocol: 'TCP', refusal }), null);
  assert.equal(socket({ protocol: 'UNIX-STREAM', refusal }), null);
  assert.equal(socket({ refusal }), null);
  assert.equal(socket({}), null);
  assert.equal(name({ kind: 'socket', link: 'socket:[1]' }), null);
  assert.equal(name({ kind: 'socket', link: '/run/x.sock' }), '/run/x.sock', 'the file of one, by O_PATH');
});

test('a pipe and a FIFO have their direction', () => {
  assert.equal(withFlags('pipe', 'pipe:[7]', 0), 'read end of pipe:[7]');
  assert.equal(withFlags('pipe', 'pipe:[7]', 0o4001), 'write end of pipe:[7]');
  assert.equal(withFlags('pipe', 'pipe:[7]', 2), 'both ends of pipe:[7]');
  assert.equal(withFlags('fifo', '/tmp/f', 1), 'write end of /tmp/f');
  assert.equal(withFlags('fifo', '/tmp/f', 0o10000000), '/tmp/f');
  assert.equal(name({ kind: 'pipe', link: 'pipe:[7]' }), 'pipe:[7]');
  assert.equal(
    name({ kind: 'fifo', link: '/tmp/f (deleted)', nlink: 0, info: { flags: 0, text: '' } }),
    'read end of deleted fifo /tmp/f',
  );
});

test('a pseudo-terminal has its number and its side', () => {
  assert.equal(withText('tty', '/dev/ptmx', 'tty-index:\t3'), 'master of /dev/pts/3');
  assert.equal(withText('tty', '/dev/pts/ptmx', 'tty-index:\t12'), 'master of /dev/pts/12');
  assert.equal(withText('tty', '/dev/ptmx'), '/dev/ptmx');
  assert.equal(withText('tty', '/dev/pts/3'), 'slave /dev/pts/3');
  assert.equal(withText('tty', '/dev/tty'), '/dev/tty');
  assert.equal(withText('tty', '/dev/tty1'), '/dev/tty1');
});

test('the kinds of the kernel have what their fdinfo tells', () => {
  const anon = (what: string): string => `anon_inode:${what}`;
  assert.equal(withText('eventfd', anon('[eventfd]'), 'eventfd-count:               1f'), 'eventfd, count 31');
  assert.equal(
    withText('eventfd', anon('[eventfd]'), 'eventfd-count: fffffffffffffffe'),
    'eventfd, count 18446744073709551614',
  );
  assert.equal(withText('eventfd', anon('[eventfd]')), 'eventfd');
  assert.equal(withText('pidfd', anon('[pidfd]'), 'Pid:\t4711', 'NSpid:\t4711'), 'pidfd of 4711');
  assert.equal(withText('pidfd', 'pidfd:[9]', 'Pid:\t-1', 'NSpid:\t0'), 'pidfd of a process that has ended');
  assert.equal(withText('pidfd', 'pidfd:[9]', 'Pid:\t0'), 'pidfd of a process outside of this pid namespace');
  assert.equal(withText('pidfd', 'pidfd:[9]'), 'pidfd');
  const timer = (value: string, interval: string): string | null =>
    withText('timerfd', anon('[timerfd]'), 'clockid: 1', `it_value: (${value})`, `it_interval: (${interval})`);
  assert.equal(timer('0, 0', '0, 0'), 'timerfd, not armed');
  assert.equal(timer('3, 200000000', '0, 0'), 'timerfd, due in 3.2 s');
  assert.equal(timer('99, 999925114', '1, 500000000'), 'timerfd, due in 99.9999 s, then every 1.5 s');
  assert.equal(withText('timerfd', anon('[timerfd]')), 'timerfd');
  assert.equal(withText('signalfd', anon('[signalfd]'), 'sigmask:\t0000000000004002'), 'signalfd of SIGINT, SIGTERM');
  assert.equal(withText('signalfd', anon('[signalfd]'), 'sigmask:\t0000000000000000'), 'signalfd of no signal');
  assert.equal(withText('signalfd', anon('[signalfd]'), 'sigmask:\tfffffffffffbfeff'), 'signalfd of 62 signals');
  assert.equal(withText('io_uring', anon('[io_uring]'), 'UserFiles:\t1', '    0: /x'), 'io_uring, 1 file registered');
  assert.equal(withText('io_uring', anon('[io_uring]')), 'io_uring');
  assert.equal(withText('anonymous', anon('bpf-map'), 'map_type:\t2', 'map_id:\t25'), 'bpf map 25');
  assert.equal(withText('anonymous', anon('bpf-prog'), 'prog_id:\t7'), 'bpf program 7');
  assert.equal(withText('anonymous', anon('[perf_event]')), 'perf_event');
  assert.equal(withText('eventpoll', anon('[eventpoll]')), 'epoll instance');
  assert.equal(withText('inotify', anon('inotify')), 'inotify');
  assert.equal(withText('namespace', 'mnt:[4026531841]'), 'mnt namespace 4026531841');
  assert.equal(withText('character device', '/dev/net/tun', 'iff:\ttap0'), '/dev/net/tun, interface tap0');
  assert.equal(withText('character device', '/dev/net/tun', 'iff:\t'), '/dev/net/tun');
});

test('a path is its own name, and deleted when nothing has it any more', () => {
  assert.equal(name({ kind: 'regular', link: '/tmp/x', nlink: 1 }), '/tmp/x');
  assert.equal(name({ kind: 'regular', link: '/tmp/x (deleted)', nlink: 0 }), 'deleted file /tmp/x');
  assert.equal(name({ kind: 'directory', link: '/tmp/d (deleted)', nlink: 0 }), 'deleted directory /tmp/d');
  assert.equal(name({ kind: 'regular', link: '/tmp/x (deleted)', nlink: 1 }), '/tmp/x (deleted)');
  assert.equal(name({ kind: 'regular', link: '/tmp/x (deleted)' }), '/tmp/x (deleted)');
  assert.equal(name({ kind: 'memfd', link: '/memfd:cfg (deleted)' }), 'memfd:cfg');
  assert.equal(name({ kind: 'message queue', link: '/jobs' }), 'message queue /jobs');
  assert.equal(name({ kind: 'message queue', link: '/dev/mqueue/jobs' }), 'message queue /jobs');
  assert.equal(name({ kind: 'unknown', link: null }), null);
  assert.equal(name({ kind: 'unknown', link: 'later:[1]' }), null);
});
