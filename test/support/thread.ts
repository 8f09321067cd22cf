/**
 * A worker thread that stops sharing some resources with its process, closes some descriptors, tells its
 * task id, and waits for its end.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { close, gettid, unshare } from './libc.ts';

const { flags = 0, closes = [] } = (workerData ?? {}) as { flags?: number; closes?: number[] };
if (flags !== 0) unshare(flags);
for (const fd of closes) close(fd);
parentPort?.on('message', () => parentPort?.close());
parentPort?.postMessage(gettid());
