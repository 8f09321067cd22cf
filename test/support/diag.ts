/** A question to the kernel about sockets, which must be answered. */
import assert from 'node:assert/strict';
import { openSockDiag } from '../../src/netlink/namespaces.ts';
import { isRefusal, type Refusal, type SockDiag } from '../../src/netlink/sock-diag.ts';

export function answered<T>(answer: T | Refusal): T {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) assert.fail(JSON.stringify(answer));
  return answer as T;
}

/** Asks about the network namespace of this thread. */
export function ask<T>(question: (diag: SockDiag) => T | Refusal): T {
  const diag = answered(openSockDiag());
  try {
    return answered(question(diag));
  } finally {
    diag.close();
  }
}
