/**
 * A worker thread that stops sharing some resources with its process, closes some descriptors, perhaps goes to another
 * directory, tells its task id, and waits for its end.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { close, gettid, libc, unshare } from './libc.ts';

const { flags = 0, closes = [], cwd } = (workerData ?? {}) as { flags?: number; closes?: number[]; cwd?: string };
if (flags !== 0) unshare(flags);
for (const fd of closes) close(fd);
if (cwd !== undefined) libc('int chdir(str)')(cwd);
parentPort?.on('message', () => parentPort?.close());
parentPort?.postMessage(gettid());
