/**
 * A worker thread that answers the notifications of a seccomp filter: every call of kcmp(2) that the filter's
 * thread makes returns the wanted number to it, from the kernel, although the kernel itself would never say so.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SYSCALL_NUMBERS } from '../../src/binding/abi.ts';
import { addressOf, ioctl, poll } from './libc.ts';

const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
const PATIENCE_MS = 100;

const { answer } = workerData as { answer: number };
const request = Buffer.alloc(80); // struct seccomp_notif: u64 id, u32 pid, u32 flags, struct seccomp_data
const response = Buffer.alloc(24); // struct seccomp_notif_resp: u64 id, s64 val, s32 error, u32 flags

/** Waits for one notification and answers it; gives up now and then, so that the worker can be ended. */
function serve(listener: number): void {
  if (poll(listener, PATIENCE_MS)) {
    ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, addressOf(request.fill(0)));
    if (request.readInt32LE(16) !== SYSCALL_NUMBERS[process.arch]?.kcmp) throw new Error('asked about another call');
    request.copy(response, 0, 0, 8);
    response.writeBigInt64LE(BigInt(answer), 8);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, addressOf(response));
  }
  setImmediate(serve, listener);
}

// The main thread cannot say which descriptor it is before its filter is there; the descriptor table is common.
parentPort?.once('message', serve);
parentPort?.postMessage('ready');
