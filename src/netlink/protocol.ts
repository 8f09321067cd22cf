/**
 * Which protocol a socket speaks, in whatever network namespace it is: in which of the kernel's tables to look for it, and
 * whether there is one that can be asked for.
 *
 * Source: sockfs_xattr_get() of net/socket.c.
 */
import { errnoName } from '../binding/errors.ts';
import { addressOfBytes, pathCallRaw, syscallNumbers } from '../binding/syscall.ts';
import { O_PATH } from '../procfs/fdinfo.ts';
import { isSocketLink } from '../procfs/link.ts';
import { codeOf, fs } from '../procfs/read.ts';
import { PROC } from '../procfs/root.ts';

const ATTRIBUTE = 'system.sockprotoname';

const path = Buffer.from(new ArrayBuffer(64));
const attribute = Buffer.from(new ArrayBuffer(64));
const value = Buffer.from(new ArrayBuffer(64));
let addresses: [path: number, attribute: number, value: number] | undefined;

/**
 * `getxattr("/proc/PID/fd/FD", "system.sockprotoname")` — the kernel's name of a socket's protocol: `UNIX-STREAM`,
 * `UNIX`, `TCP`, `TCPv6`, `MPTCP`, `UDP`, `NETLINK`, `PACKET`, `AF_VSOCK`, …
 *
 * @param pid, fd - a descriptor whose link says that it is a socket
 * @returns the name, or the errno's name: ENOTSOCK when it is another file by now
 * @since Linux 3.7
 */
export function socketProtocol(pid: number, fd: number): { protocol: string } | string {
  const { getxattr } = syscallNumbers();
  addresses ??= [addressOfBytes(path), addressOfBytes(attribute), addressOfBytes(value)];
  let held: number | undefined;
  try {
    // Held without being opened, so that it cannot become another file, whose server would be asked for the attribute.
    held = fs().openSync(`${PROC}/${pid}/fd/${fd}`, O_PATH);
    const own = `${PROC}/thread-self/fd/${held}`;
    if (!isSocketLink(fs().readlinkSync(own))) return 'ENOTSOCK';
    path.write(`${own}\0`);
    attribute.write(`${ATTRIBUTE}\0`);
    const length = pathCallRaw(getxattr, ...addresses, value.length);
    return length < 0 ? errnoName(length) : { protocol: value.toString('latin1', 0, length).replace(/\0.*/s, '') };
  } catch (error) {
    return codeOf(error);
  } finally {
    if (held !== undefined) fs().closeSync(held);
  }
}
