/**
 * A file server that dies: a FUSE filesystem with one file, `f`, whose server answers until it is told to stop, and
 * then keeps its connection open and says nothing. Meant for a child in a mount namespace of its own
 * (`unshare --mount`), with which all of it ends: nobody else sees the mount.
 *
 * Source: <linux/fuse.h>.
 */
import {
  close,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  open,
  openSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { O_PATH } from '../../src/procfs/fdinfo.ts';
import { mount, umount2 } from './libc.ts';
import { needsRoot } from './user.ts';

/** Why there can be no such server here, or false; for a test's `skip`. */
export const fuseMissing: string | false = needsRoot || (canOpen() ? false : '/dev/fuse cannot be opened here');

function canOpen(): boolean {
  try {
    if (existsSync('/dev/fuse')) closeSync(openSync('/dev/fuse', constants.O_RDWR));
    return existsSync('/dev/fuse');
  } catch {
    return false;
  }
}

const ROOT = 1;
const FILE = 2;
const EVERY_MS = 2;
const MNT_DETACH = 2;
const [ENOSYS, ENOENT] = [-38, -2];
const [LOOKUP, FORGET, GETATTR, OPEN, INIT, INTERRUPT, BATCH_FORGET] = [1, 2, 3, 14, 26, 36, 42];

/** What the file is: its inode number, st_mode and size, 0 when left out. */
export interface Served {
  ino: number;
  mode: number;
  size?: number;
}
const REGULAR: Served = { ino: FILE, mode: 0o100644 };

/** struct fuse_attr, of 88 bytes. Nothing is said about how long it holds, so that whoever wants to know must ask. */
function writeAttributes(bytes: Buffer, at: number, { ino, mode, size = 0 }: Served): Buffer {
  bytes.writeBigUInt64LE(BigInt(ino), at);
  bytes.writeBigUInt64LE(BigInt(size), at + 8);
  bytes.writeUInt32LE(mode, at + 60);
  bytes.writeUInt32LE(1, at + 64);
  return bytes;
}

/** What follows the header of a reply, or a negative errno. */
function answer(opcode: number, node: number, body: Buffer, file: Served): Buffer | number {
  switch (opcode) {
    case INIT: {
      const init = Buffer.alloc(64);
      init.writeUInt32LE(7, 0);
      init.writeUInt32LE(31, 4);
      init.writeUInt32LE(4096, 20); // max_write
      return init;
    }
    case LOOKUP: {
      if (body.toString('latin1') !== 'f\0') return ENOENT;
      const entry = Buffer.alloc(128);
      entry.writeBigUInt64LE(BigInt(FILE), 0);
      return writeAttributes(entry, 40, file);
    }
    case GETATTR:
      return writeAttributes(Buffer.alloc(104), 16, node === ROOT ? { ino: ROOT, mode: 0o040755 } : file);
    case OPEN:
      return Buffer.alloc(16);
    default:
      return ENOSYS;
  }
}

/** Answers what has been asked; without blocking, so that whoever runs this can be ended. */
function serve(device: number, request: Buffer, file: Served): void {
  for (;;) {
    let length: number;
    try {
      length = readSync(device, request);
    } catch {
      return; // nothing is asked
    }
    const opcode = request.readUInt32LE(4);
    if (opcode === FORGET || opcode === BATCH_FORGET || opcode === INTERRUPT) continue;
    const found = answer(opcode, Number(request.readBigUInt64LE(16)), request.subarray(40, length), file);
    const body = typeof found === 'number' ? Buffer.alloc(0) : found;
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + body.length, 0);
    if (typeof found === 'number') header.writeInt32LE(found, 4);
    request.copy(header, 8, 8, 16);
    writeSync(device, Buffer.concat([header, body]));
  }
}

export interface FileServer {
  /** A descriptor of its file, and its path, where the mount was left to be seen. */
  fd: number;
  path: string;
  /** From now on it answers nothing. */
  die(): void;
}

/**
 * Mounts it, opens its file, and takes the mount out of sight again, so that nothing is left to be cleaned up. The device
 * is opened first: when all ends its connection must be cut before the file closes.
 *
 * @param asksFlush - whoever closes the file waits for the server. This process, which could not end then, holds it by O_PATH
 * @param hides - otherwise the mount stays, in what must be a mount namespace of its own, and its folder with it
 */
export async function startFileServer(
  file: Served = REGULAR,
  asksFlush: boolean = false,
  hides: boolean = true,
): Promise<FileServer> {
  const device = openSync('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
  const folder = mkdtempSync(join(tmpdir(), 'kcmp-fuse-'));
  mount('kcmp-test', folder, 'fuse', 0, `fd=${device},rootmode=40000,user_id=0,group_id=0,allow_other`);
  const timer = setInterval(serve, EVERY_MS, device, Buffer.alloc(0x20000), file);
  const path = join(folder, 'f');
  const opened = (): Promise<number> => promisify(open)(path, file.mode === REGULAR.mode ? 'r' : 'r+'); // a FIFO waits for nobody then
  // The kernel learns by this that the server knows no FLUSH. Else whoever closes the file would wait for it, and one that
  // does so in exec, as children of this process do, would keep a lock that stops every ps of the machine.
  if (!asksFlush) await promisify(close)(await opened());
  const fd = asksFlush ? await promisify(open)(path, O_PATH) : await opened();
  if (hides) {
    umount2(folder, MNT_DETACH);
    rmdirSync(folder);
  }
  return { fd, path, die: () => clearInterval(timer) };
}
