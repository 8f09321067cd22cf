/**
 * What does this process's own event loop watch, and where is each file now? Numbers differ:
 *   target 28, server: renumbered; its file is fd 33, fd 19 of pid 5736
 *   target 30, client: renumbered, number reused; its file is fd 35
 *   target 32, pipe: live; its file is fd 32
 *   8 of 8 other targets are live at their numbers
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listEpolls, resolveEpoll } from 'kcmp';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
await once(client, 'connect');
const echo = 'process.on("message", (message, handle) => process.send(message, handle))';
const child = spawn(process.execPath, ['-e', echo], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
const [serverFd, clientFd, pipeFd] = [server, client, child.stdout].map((stream) => Object(stream)._handle.fd as number);
for (const handle of [server, client]) { // the child sends both back, so that each file gets a second number here
  child.send('', handle, { keepOpen: true });
  await once(child, 'message');
}
await sleep(50); // the event loop has come to watch them all
closeSync(clientFd as number);
while (openSync('/dev/null', 'r') !== clientFd); // the lowest free number each time
closeSync(serverFd as number);
const names = new Map([[serverFd, 'server'], [clientFd, 'client'], [pipeFd, 'pipe']]);
const loops = listEpolls(process.pid).map((efd) => resolveEpoll(process.pid, efd).targets);
const targets = loops.find((loop) => loop.some(({ tfd }) => tfd === pipeFd)) ?? [];
for (const [fd, name] of names) {
  const { status, numberReused, holders = [] } = targets.find(({ tfd }) => tfd === fd) ?? {};
  const places = holders.map((holder) => `fd ${holder.fd}${holder.pid === process.pid ? '' : ` of pid ${holder.pid}`}`).join(', ');
  console.log(`target ${fd}, ${name}: ${status}${numberReused ? ', number reused' : ''}; its file is ${places}`);
}
const others = targets.filter(({ tfd }) => !names.has(tfd)); // of Node itself, and what the child sent back
console.log(`${others.filter(({ status }) => status === 'live').length} of ${others.length} other targets are live at their numbers`);
process.exit(child.kill() ? 0 : 1);
