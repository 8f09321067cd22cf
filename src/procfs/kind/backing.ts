/** Files that the kernel itself has open, by their texts: of loop devices and of swap space. Source: loop(4), proc_swaps(5). */
import { codeOf, fs, readText } from '../read.ts';
import { PROC } from '../root.ts';
import { unescaped } from './mountinfo.ts';

const BLOCK = '/sys/block';

/** A file, and the device that is made of it. */
export interface Backing {
  file: string;
  device: string;
}

/** /sys/block counts in these, whatever the device does. */
const SECTOR = 512;

export function readLoopFiles(): Backing[] {
  try {
    return fs()
      .readdirSync(BLOCK)
      .filter((name) => name.startsWith('loop'))
      .flatMap((name) => {
        const read = readText(`${BLOCK}/${name}/loop/backing_file`, 'utf8');
        return typeof read === 'string' ? [] : [{ file: read.text.trimEnd(), device: `/dev/${name}` }];
      });
  } catch (error) {
    codeOf(error);
    return [];
  }
}

/** The bytes of a device, which are those of its file but for what is left out before and after. */
export function readSize({ device }: Backing): number {
  const read = readText(`${BLOCK}/${device.slice('/dev/'.length)}/size`, 'latin1');
  return typeof read === 'string' ? 0 : Number(read.text) * SECTOR;
}

export function readSwapFiles(): string[] {
  const read = readText(`${PROC}/swaps`, 'utf8');
  return typeof read === 'string'
    ? []
    : Array.from(read.text.matchAll(/^(\/\S+)/gm), ([, path = '']) => unescaped(path));
}
