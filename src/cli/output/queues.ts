/** What waits in the queues of a socket, in words. */
import type { OpenFile } from '../../index.ts';
import { plural, some } from '../../util/text.ts';
import { named } from './names.ts';

/** `; it does not accept: its queue is full, with 129 of 128`: new clients wait, or are refused. */
export function fullText({ queues }: OpenFile): string {
  if (queues === null || !('pending' in queues) || queues.backlog === null || queues.pending <= queues.backlog)
    return '';
  return `; it does not accept: its queue is full, with ${queues.pending} of ${queues.backlog}`;
}

const SHOWN = 3;

/**
 * `; none of these accepts at this moment: 4711 (sleep) waits in clock_nanosleep`: others who were not seen may
 * @param where - ` from tcp 127.0.0.1:80 listening`, where it must be said
 */
export function idleText({ idle = [] }: OpenFile, where = ''): string {
  if (idle.length === 0) return '';
  // Its first thread stands for a process.
  const firsts = idle.filter(({ pid }, i) => idle.findIndex((one) => one.pid === pid) === i);
  const told = firsts.map(({ pid, call }) => `${named(pid)} ${call === 'stopped' ? 'is stopped' : `waits in ${call}`}`);
  return `; none of these accepts${where} at this moment: ${some(told, SHOWN)}`;
}

/** A sentence; none where nothing waits in a connection. */
export function queuesText({ queues, name }: OpenFile): string[] {
  if (queues === null) return [];
  if ('pending' in queues)
    return [`Not accepted yet: ${queues.pending}${queues.backlog === null ? '' : ` of ${queues.backlog}`}.`];
  const { unread, unsent } = queues;
  // Of UDP, and of what was sent over a unix socket, the kernel counts the memory that it takes.
  const [isUdp, isUnix] = ['udp', 'unix'].map((family) => name?.startsWith(family) === true);
  const memory = (isOne: boolean | undefined): string => (isOne === true ? ' of memory' : '');
  const yet = isUnix === true ? 'not read by the other end yet' : 'not arrived yet';
  const parts = [
    ...(unread > 0 ? [`not read yet: ${plural(unread, 'byte')}${memory(isUdp)}`] : []),
    ...(unsent > 0 ? [`${yet}: ${plural(unsent, 'byte')}${memory(isUdp || isUnix)}`] : []),
  ];
  return parts.length === 0 ? [] : [`${parts.join(', ').replace(/^n/, 'N')}.`];
}
