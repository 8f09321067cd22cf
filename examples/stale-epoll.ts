/**
 * The classic epoll bug: a child keeps a socket, its parent closes it, and the number comes back as another file:
 *   The peer sent "hello", but what arrived on the socket, fd 22, is "MIT License".
 *   fd 22 is the file LICENSE now, while epoll still watches the socket that had this number:
 *     target 22: foreign, number reused; its file is fd 0 of pid 4242 (sleep)
 *   As long as pid 4242 keeps it open, events of the socket are reported for fd 22, and nothing
 *   in this process can remove them: epoll_ctl(2) would need a descriptor of that socket.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listEpolls, resolveEpoll } from 'kcmp';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
const [socket] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }];
const { fd } = socket._handle;
const child = spawn('sleep', ['60'], { stdio: [fd, 'ignore', 'ignore'] }); // has the socket as its fd 0
await sleep(50); // the event loop has come to watch the socket

closeSync(fd); // the bug: Node is not told
while (openSync(new URL('../LICENSE', import.meta.url), 'r') !== fd); // the lowest free number each time
peer.write('hello');
const [bytes] = (await once(socket, 'data')) as [Buffer];
console.log(`The peer sent "hello", but what arrived on the socket, fd ${fd}, is "${String(bytes).split('\n')[0]}".`);

const targets = listEpolls(process.pid).flatMap((efd) => resolveEpoll(process.pid, efd).targets);
for (const { tfd, status, numberNow, numberReused, holders: [holder] } of targets) {
  if (tfd !== fd || holder === undefined) continue;
  const name = readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim();
  console.log(`fd ${fd} is the file ${basename(numberNow ?? '')} now, while epoll still watches the socket that had this number:
  target ${tfd}: ${status}${numberReused ? ', number reused' : ''}; its file is fd ${holder.fd} of pid ${holder.pid} (${name})
As long as pid ${holder.pid} keeps it open, events of the socket are reported for fd ${fd}, and nothing
in this process can remove them: epoll_ctl(2) would need a descriptor of that socket.`);
}
process.exit(child.kill() ? 0 : 1);
