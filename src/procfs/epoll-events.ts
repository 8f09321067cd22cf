/** The event mask of an epoll target in words. Source: <linux/eventpoll.h> of Linux 6.18. */

const EVENTS: ReadonlyArray<readonly [bit: number, name: string]> = [
  [0x1, 'EPOLLIN'],
  [0x2, 'EPOLLPRI'],
  [0x4, 'EPOLLOUT'],
  [0x8, 'EPOLLERR'],
  [0x10, 'EPOLLHUP'],
  [0x20, 'EPOLLNVAL'],
  [0x40, 'EPOLLRDNORM'],
  [0x80, 'EPOLLRDBAND'],
  [0x100, 'EPOLLWRNORM'],
  [0x200, 'EPOLLWRBAND'],
  [0x400, 'EPOLLMSG'],
  [0x2000, 'EPOLLRDHUP'],
  [0x8000000, 'EPOLL_URING_WAKE'],
  [0x10000000, 'EPOLLEXCLUSIVE'],
  [0x20000000, 'EPOLLWAKEUP'],
  [0x40000000, 'EPOLLONESHOT'],
  [0x80000000, 'EPOLLET'],
];

/** The names of a mask's bits, lowest first; what has no name follows as one hexadecimal number. */
export function eventNames(mask: number): string[] {
  let rest = mask;
  const names = [];
  for (const [bit, name] of EVENTS) {
    if ((mask & bit) === 0) continue;
    names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names;
}
