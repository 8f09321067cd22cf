/** A question to the kernel about sockets, which must be answered. */
import assert from 'node:assert/strict';
import { dumpInet } from '../../src/netlink/inet.ts';
import { openSockDiag } from '../../src/netlink/namespaces.ts';
import { isRefusal, type Refusal, type SockDiag } from '../../src/netlink/sock-diag.ts';
import { dumpUnix } from '../../src/netlink/unix.ts';
import { drain, type Pausing } from '../../src/util/drain.ts';
import { INET_TABLES } from '../../src/util/socket.ts';

export function answered<T>(answer: T | Refusal): T {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) assert.fail(JSON.stringify(answer));
  return answer as T;
}

/** Asks about the network namespace of this thread. */
export function ask<T>(question: (diag: SockDiag) => Pausing<T | Refusal>): T {
  const diag = answered(openSockDiag());
  try {
    return answered(drain(question(diag)));
  } finally {
    diag.close();
  }
}

/** Why this kernel does not answer, or false; for a test's `skip`. */
export const noAnswers: string | false = ((): string | false => {
  const diag = openSockDiag();
  if (isRefusal(diag)) return `no netlink: ${diag.code}`;
  const answers = [drain(dumpUnix(diag)), ...INET_TABLES.map((table) => drain(dumpInet(diag, table)))];
  diag.close();
  return answers.some(isRefusal) && `the kernel lists no sockets: ${JSON.stringify(answers.find(isRefusal))}`;
})();
