/**
 * Where a file is seen that is of a layer of an overlay: those of a container, by where its layers are kept. Whoever has it
 * open there has an inode of the overlay, of the same number and another device.
 *
 * Sources: Documentation/filesystems/overlayfs.rst, ovl_show_options() of fs/overlayfs/params.c.
 */
import type { FileStat } from '../fd.ts';
import { listProcesses } from '../processes.ts';
import { locate, pathOf } from '../raw/path.ts';
import { readLinkText } from '../read.ts';
import { PROC } from '../root.ts';
import type { Pausing } from '../../util/drain.ts';
import { isBelow, type Mount, readMounts, unescaped } from './mountinfo.ts';

/** Of several filesystems it may put into these which of them it is. */
const INO_BITS = 48;
const numberOf = ({ ino }: FileStat): bigint => BigInt.asUintN(INO_BITS, ino);

/** The folders of its layers, as they were named. */
const layersOf = ({ options }: Mount): string[] =>
  options
    .split(',')
    .flatMap((option) => /^(?:upperdir|lowerdir\+?|datadir\+)=(.*)$/.exec(option)?.[1]?.split(/(?<!\\):+/) ?? [])
    .map(unescaped);

/** How a path goes on below a layer; below one that was named by a relative path it may be so several times. */
function* below(layer: string, path: string): Iterable<string> {
  const folder = layer.startsWith('/') ? pathOf(layer) : `/${layer}`;
  if (folder === undefined) return;
  for (let at = path.indexOf(`${folder}/`); at >= 0; at = path.indexOf(`${folder}/`, at + 1))
    if (at === 0 || !layer.startsWith('/')) yield path.slice(at + folder.length);
}

/** Whether an overlay keeps what is mounted somewhere, by a layer there that was named by its whole path. */
export function hasLayerOn(overlay: Mount, mount: Mount): boolean {
  const folders = overlay.type === 'overlay' ? layersOf(overlay).filter((layer) => layer.startsWith('/')) : [];
  return folders.map(pathOf).some((folder) => folder === mount.point || isBelow(mount, folder ?? ''));
}

/** Adds those of one mount namespace. */
function mergedIn(pid: number, path: string, inode: FileStat, merged: Map<number, bigint>): void {
  const mounts = readMounts(pid);
  for (const mount of typeof mounts === 'string' ? [] : mounts) {
    if (mount.type !== 'overlay' || mount.root !== '/') continue;
    for (const rest of layersOf(mount).flatMap((layer) => [...below(layer, path)])) {
      const there = (mount.point === '/' ? '' : mount.point) + rest;
      const located = locate(pid === process.pid ? there : `${PROC}/${pid}/root${there}`);
      // A higher layer may have another one of that name.
      if (typeof located === 'string' || numberOf(located.stat) !== numberOf(inode)) continue;
      if (located.stat.dev !== inode.dev) merged.set(located.stat.dev, located.stat.ino);
    }
  }
}

/**
 * Looks for overlays in every mount namespace that may be seen.
 * @param path - of what is no folder, without symbolic links
 * @returns by the device that it has in an overlay: its inode there
 */
export function* overlaysOf(path: string, inode: FileStat): Pausing<ReadonlyMap<number, bigint>> {
  const merged = new Map<number, bigint>();
  const namespaces = new Set<string>();
  for (const pid of [process.pid, ...listProcesses()]) {
    yield;
    const namespace = readLinkText(`${PROC}/${pid}/ns/mnt`);
    if (namespace === undefined || namespaces.has(namespace)) continue;
    namespaces.add(namespace);
    mergedIn(pid, path, inode, merged);
  }
  return merged;
}
