/** Loop devices, where the kernel has any to give. */
import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { needsRoot } from './user.ts';

const losetup = (...args: string[]): string | undefined => {
  const { status, stdout } = spawnSync('losetup', args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

function hasLoop(): boolean {
  const device = losetup('--find', '--show', '--read-only', process.execPath);
  if (device !== undefined) detach(device);
  return device !== undefined;
}

export const noLoop: string | false = needsRoot || (!hasLoop() && 'there is no loop device to be had');
/** The same of a filesystem on one. */
export const noDisk: string | false =
  noLoop || (spawnSync('mkfs.ext4', ['-V']).error !== undefined && 'mkfs.ext4 is not installed');

/** Makes an image of so many bytes, and a device of it. */
export function attach(image: string, bytes: number): string {
  writeFileSync(image, '');
  truncateSync(image, bytes);
  const device = losetup('--find', '--show', image);
  if (device === undefined) throw new Error(`no loop device for ${image}`);
  return device;
}

export function detach(device: string): void {
  losetup('--detach', device);
}
