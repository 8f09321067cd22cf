/** The start of a small file of /proc/TID, by three raw calls: half of what Node's reading costs. */
import { AT_FDCWD } from '../../binding/abi.ts';
import { addressOfBytes, syscallNumbers, wordCallRaw } from '../../binding/syscall.ts';
import { O_CLOEXEC } from '../fdinfo.ts';
import { PROC } from '../root.ts';

const path = Buffer.from(new ArrayBuffer(64));
/** So many bytes are read. */
export const MOST = 8192;
const answer = Buffer.from(new ArrayBuffer(MOST));
let pathAddress = 0;
let answerAddress = 0;

/** @returns at most 8192 bytes, one character each; '' when it cannot be read */
export function readStart(tid: number, file: string): string {
  if (pathAddress === 0) {
    pathAddress = addressOfBytes(path);
    answerAddress = addressOfBytes(answer);
  }
  const { openat, read, close } = syscallNumbers();
  path.write(`${PROC}/${tid}/${file}\0`, 'latin1');
  const fd = wordCallRaw(openat, AT_FDCWD, pathAddress, O_CLOEXEC, 0, 0);
  if (fd < 0) return '';
  const length = wordCallRaw(read, fd, answerAddress, answer.length, 0, 0);
  wordCallRaw(close, fd, 0, 0, 0, 0);
  return length <= 0 ? '' : answer.toString('latin1', 0, length);
}
