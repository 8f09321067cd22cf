/** What people call an end. */
import type { Access } from '../../procfs/fdinfo.ts';
import type { Endpoint, InetSocket, UnixListing } from '../../util/socket.ts';

const ENDS: Readonly<Record<Access, string>> = { r: 'reading end', w: 'writing end', rw: 'both ends' };

/** `writing end of pipe:[4711]`, `both ends of /run/jobs`. */
export const pipeName = (link: string | null, access: Access): string =>
  `${ENDS[access]} of ${link === null ? 'a pipe' : link}`;

/** `unix stream /run/x.sock listening`, `unix dgram @name`. */
export const unixName = ({ type, name, state }: Pick<UnixListing, 'type' | 'name' | 'state'>): string =>
  ['unix', type === 'unknown' ? 'socket' : type, ...(name === undefined ? [] : [name]), ...states(type, state)].join(
    ' ',
  );

const states = (type: string, state: string): string[] => (type !== 'dgram' && state === 'LISTEN' ? ['listening'] : []);

/** `127.0.0.1:80`, `[::1]:80`, `*:80` for every address. */
export const endpointName = ({ address, port }: Endpoint): string =>
  `${/^(?:0\.0\.0\.0|::)$/.test(address) ? '*' : address.includes(':') ? `[${address}]` : address}:${port}`;

/** `tcp 127.0.0.1:80 listening`, `tcp 127.0.0.1:40000 to 127.0.0.1:80`, `udp *:53`. */
export function inetName({ protocol, local, remote, state }: InetSocket): string {
  const to = remote.port === 0 ? '' : ` to ${endpointName(remote)}`;
  return `${protocol} ${endpointName(local)}${to}${protocol === 'tcp' && state === 'LISTEN' ? ' listening' : ''}`;
}

/** `/dev/pts/3`, `master of /dev/pts/3`. */
export const ptyName = (index: number, isMaster: boolean): string => `${isMaster ? 'master of ' : ''}/dev/pts/${index}`;
