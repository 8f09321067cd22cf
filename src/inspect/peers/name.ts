/** What people call an end: as any other file, from what is known of it without a look at its descriptors. Pure. */
import type { Access } from '../../procfs/fdinfo.ts';
import type { Endpoint, InetProtocol, InetSocket, UnixListing } from '../../util/socket.ts';
import { nameOf } from '../names.ts';
import { endpoint, socketName } from '../names/socket.ts';

const FLAGS: Readonly<Record<Access, number>> = { r: 0, w: 1, rw: 2 };

/** `write end of pipe:[4711]` */
export const pipeName = (link: string | null, access: Access): string | null =>
  nameOf({ kind: link?.startsWith('/') === true ? 'fifo' : 'pipe', link, info: { flags: FLAGS[access], text: '' } });

export const masterName = (index: number): string => `master of /dev/pts/${index}`;
export const slaveName = (link: string): string | null => nameOf({ kind: 'tty', link });

/** Without protocol, type or name where no table has it any more. */
export const endName = (socket: InetSocket | UnixListing): string | null =>
  socketName({ protocol: undefined, socket, refusal: undefined });

/** `tcp 203.0.113.7:443`: what is not here. */
export const farName = (protocol: InetProtocol, far: Endpoint): string => `${protocol} ${endpoint(far)}`;
