/** Processes that hold still with thousands of descriptors, so that a scan of them takes many slices, and questions about them. */
import type * as atOnce from '../../src/index.ts';
import type * as later from '../../src/promises.ts';
import { startChild } from '../support/child.ts';

export interface Crowd {
  pids: number[];
  /** In each process: the device that it has open thousands of times, a pipe's end, a socket of a pair, an epoll instance. */
  device: number;
  reader: number;
  socket: number;
  efd: number;
  stop(): Promise<void>;
}

/** A third of them eventfds, a hundred of which are targets, a third opens of one device, a third pipes. */
export async function startCrowd(processes: number, each: number): Promise<Crowd> {
  const children = await Promise.all(Array.from({ length: processes }, () => startChild()));
  const numbers = await Promise.all(
    children.map((child) =>
      child.run(({ fs, libc }, each: number) => {
        const efd = libc.epollCreate();
        const device = fs.openSync('/dev/null', 'r');
        const [reader] = libc.pipe();
        const [socket] = libc.socketpair();
        for (let i = 0; i < each / 3; i++) {
          const event = libc.eventfd();
          if (i < 100) libc.epollCtl(efd, libc.EPOLL_CTL_ADD, event);
          fs.openSync('/dev/null', 'r');
          if (i % 2 === 0) libc.pipe();
        }
        return { efd, device, reader, socket };
      }, each),
    ),
  );
  return {
    ...(numbers[0] as Pick<Crowd, 'efd' | 'device' | 'reader' | 'socket'>),
    pids: children.map(({ pid }) => pid),
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}

export type Door = typeof atOnce | typeof later;
export type Options = later.Abortable & atOnce.ScanOptions;
export type Ask = (door: Door, options?: Options) => unknown;

/** A question of each kind that takes a while, about all of the crowd. */
export function questionsOf({ pids, device, reader, socket, efd }: Crowd): Array<[name: string, ask: Ask]> {
  const [pid, from] = pids as [number, number];
  return [
    ['groupFiles', (door, options) => door.groupFiles({ ...options, pids, minHolders: 1 })],
    ['findHolders', (door, options) => door.findHolders({ pid, fd: device }, { ...options, pids })],
    ['findHolders of a pipe', (door, options) => door.findHolders({ pid, fd: reader }, { ...options, pids })],
    ['findHolders of a socket', (door, options) => door.findHolders({ pid, fd: socket }, { ...options, pids })],
    ['findOpen', (door, options) => door.findOpen('/dev/null', { ...options, pids })],
    ['resolveEpoll', (door, options) => door.resolveEpoll(pid, efd, { ...options, pids })],
    ['findInherited', (door, options) => door.findInherited(pid, { ...options, from })],
  ];
}
