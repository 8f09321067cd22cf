/**
 * A worker thread that unshares its descriptor table, opens a file that only itself has then, starts a process
 * with it as fd 3, and tells that process' pid and its own task id.
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { CLONE_FILES, gettid, unshare } from './libc.ts';

unshare(CLONE_FILES);
const fd = openSync((workerData as { path: string }).path, 'r');
const { pid } = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
parentPort?.postMessage([pid, gettid()]);
