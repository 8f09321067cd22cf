/** Worker threads that run a TypeScript file. */
import { Worker } from 'node:worker_threads';

/** Starts one. A worker of Node 20 does not inherit tsx, so that it must register it itself. */
export function startWorker(file: URL | string, workerData?: unknown): Worker {
  const url = new URL(file, import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  const source = `import(${JSON.stringify(tsx)}).then(({ register }) => (register(), import(${JSON.stringify(url)})))`;
  return new Worker(source, { eval: true, workerData });
}
