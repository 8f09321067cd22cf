/** What people write, and what it names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../../src/util/reference.ts';

const port = (number: number, addresses?: string[], protocols = ['tcp', 'udp']): object => ({
  is: 'port',
  protocols,
  port: number,
  addresses,
});

const NAMES: ReadonlyArray<readonly [text: string, names: object]> = [
  ['4711:3', { is: 'descriptor', pid: 4711, fd: 3 }],
  ['/proc/4711/fd/3', { is: 'descriptor', pid: 4711, fd: 3 }],
  ['/proc/4711/task/4712/fd/3', { is: 'descriptor', pid: 4712, fd: 3 }],
  [':80', port(80)],
  ['*:80', port(80)],
  ['tcp:80', port(80, undefined, ['tcp'])],
  ['udp:53', port(53, undefined, ['udp'])],
  ['80/tcp', port(80, undefined, ['tcp'])],
  ['53/udp', port(53, undefined, ['udp'])],
  ['80/TCP', port(80, undefined, ['tcp'])],
  ['TCP:80', port(80, undefined, ['tcp'])],
  ['tcp/80', port(80, undefined, ['tcp'])],
  [':80/tcp', port(80, undefined, ['tcp'])],
  ['[::1]:80/tcp', port(80, ['::1'], ['tcp'])],
  ['127.0.0.1:53/udp', port(53, ['127.0.0.1'], ['udp'])],
  ['127.0.0.1:65535', port(65535, ['127.0.0.1'])],
  ['tcp:127.0.0.1:80', port(80, ['127.0.0.1'], ['tcp'])],
  ['localhost:80', port(80, ['127.0.0.1', '::1'])],
  ['[::1]:80', port(80, ['::1'])],
  // As errors name what keeps them from being bound.
  [':::80', port(80)],
  ['[::]:80', port(80)],
  ['[0::0]:80', port(80)],
  ['0.0.0.0:80', port(80, ['0.0.0.0'])],
  ['/memfd:a b (deleted)', { is: 'memfd', name: 'a b' }],
  ['udp:[::1]:80', port(80, ['::1'], ['udp'])],
  ['[0:0::1]:80', port(80, ['::1'])],
  ['[::ffff:127.0.0.1]:80', port(80, ['127.0.0.1'])],
  ['socket:[4711]', { is: 'link', link: 'socket:[4711]' }],
  ['pipe:[4711]', { is: 'link', link: 'pipe:[4711]' }],
  ['unix:@/tmp/.X11-unix/X0', { is: 'unix', name: '@/tmp/.X11-unix/X0' }],
  ['unix:/run/x.sock', { is: 'path', path: '/run/x.sock' }],
  ['memfd:cfg', { is: 'memfd', name: 'cfg' }],
  ['memfd:a/b c', { is: 'memfd', name: 'a/b c' }],
  ['.', { is: 'path', path: '.' }],
  ['..', { is: 'path', path: '..' }],
  ['./app.pid', { is: 'path', path: './app.pid' }],
  ['/var/lib/x:80', { is: 'path', path: '/var/lib/x:80' }],
  ['a/b:80', { is: 'path', path: 'a/b:80' }],
  ['80/logs', { is: 'path', path: '80/logs' }],
  ['logs/80/tcp', { is: 'path', path: 'logs/80/tcp' }],
  ['/proc/4711', { is: 'path', path: '/proc/4711' }],
  ['4711', { is: 'process', pid: 4711 }],
];

for (const [text, names] of NAMES)
  test(`${text} names what it should`, () => assert.deepEqual(parseReference(text), names));

const REFUSED: ReadonlyArray<readonly [text: string, why: RegExp]> = [
  ['node', /\$\(pgrep -n node\).*\.\/node/],
  ['redis-server', /\$\(pgrep -n redis-server\)/],
  ['0', /no process; expected a PID/],
  ['99999999999', /no process/],
  [':0', /1 to 65535/],
  [':65536', /1 to 65535/],
  ['0/tcp', /1 to 65535/],
  ['99999999999:3', /no descriptor/],
  ['0:3', /no descriptor/],
  ['80/sctp', /one of tcp or udp, such as 80\/tcp$/],
  ['80/tcp6', /one of tcp or udp/],
  ['file:///tmp/x', /expected the path, such as \/tmp\/x$/],
  ['example.org:80', /no name is looked up/],
  ['127.0.0.256:80', /neither an address/],
  ['::1', /in brackets/],
  ['fe80::1', /in brackets/],
  ['::1:80', /stands in brackets/],
  ['[::1%lo]:80', /neither an address/],
  ['http://localhost:8080/x', /expected its port, such as localhost:8080$/],
  ['postgres://me:secret@localhost/db', /expected its port, such as :PORT$/],
  ['unix:name', /unix:@NAME/],
  ['unix:@', /unix:@NAME/],
  ['socket:[x]', /expected PID, PID:FD, :PORT/],
  ['', /nothing is no reference/],
  ['a\0/b', /NUL/],
];

for (const [text, why] of REFUSED) {
  test(`'${text.replace('\0', '\\0')}' is refused with advice`, () => {
    const reference = parseReference(text);
    assert.equal(reference.is, 'none');
    assert.match((reference as { why: string }).why, why);
  });
}
