/**
 * Processes that wait for a dead file server and keep a lock meanwhile: one in an exec that closes its file, for which
 * kcmp(2) and nearly all of /proc/PID wait, and one that adds its file to an epoll instance, whose list is locked then.
 */
import { readFileSync } from 'node:fs';
import { type Child, startChild } from './child.ts';
import type { FileServer } from './fuse.ts';
import { until } from './until.ts';

const FUSE = new URL('fuse.ts', import.meta.url).href;
const IN_EXEC = /^VmExe:\s+0 kB$/m;

export class StuckScene {
  readonly exec: Child;
  readonly poller: Child;
  readonly server: Child;
  readonly innocent: Child;
  /** Of the one that adds: its file, and its instance. */
  held = 0;
  lockedEfd = 0;
  /** Of the innocent: two descriptors of one file, and an epoll instance. */
  one = 0;
  other = 0;
  efd = 0;

  private constructor(exec: Child, poller: Child, innocent: Child, server: Child) {
    this.exec = exec;
    this.poller = poller;
    this.innocent = innocent;
    this.server = server;
  }

  /** As long as the server lives, nobody waits. */
  static async start(): Promise<StuckScene> {
    // They cannot end before the server has.
    const [exec, poller] = [await startChild(), await startChild()];
    const innocent = await startChild();
    const scene = new StuckScene(exec, poller, innocent, await startChild({ wrapper: ['unshare', '--mount'] }));
    const served = await scene.server.run(async ({ keep }, url: string) => {
      const { startFileServer } = (await import(url)) as typeof import('./fuse.ts');
      keep['files'] = await startFileServer(undefined, true);
      return (keep['files'] as FileServer).fd;
    }, FUSE);
    const path = `/proc/${scene.server.pid}/fd/${served}`;
    [scene.one, scene.other, scene.efd] = await innocent.run(({ libc }): [number, number, number] => {
      const [read, write] = libc.pipe();
      const efd = libc.epollCreate();
      libc.epollCtl(efd, libc.EPOLL_CTL_ADD, read);
      return [write, libc.dup(write), efd];
    });
    await exec.run(({ fs }, path: string) => fs.openSync(path, 'r'), path);
    [scene.lockedEfd, scene.held] = await poller.run(
      ({ fs, libc }, path: string): [number, number] => [libc.epollCreate(), fs.openSync(path, 'r')],
      path,
    );
    return scene;
  }

  async killServer(): Promise<void> {
    const { exec, poller, server, held, lockedEfd } = this;
    await server.run(({ keep }) => (keep['files'] as FileServer).die());
    // Ends all other threads first, and never answers.
    exec.run(({ libc }) => libc.libc('int execv(str, void *)')('/bin/true', Buffer.alloc(8))).catch(() => {});
    poller
      .run(({ libc }, efd: number, fd: number) => libc.epollCtl(efd, libc.EPOLL_CTL_ADD, fd), lockedEfd, held)
      .catch(() => {});
    await until('one is stuck in exec', () => IN_EXEC.test(readFileSync(`/proc/${exec.pid}/status`, 'utf8')));
    await until('the other waits', () => readFileSync(`/proc/${poller.pid}/wchan`, 'latin1') === 'request_wait_answer');
  }

  async stop(): Promise<void> {
    for (const child of [this.server, this.innocent, this.exec, this.poller]) await child.stop();
  }
}
