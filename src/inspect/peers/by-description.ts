/** The descriptors of an end by open file description. */
import { KCMP_FILE } from '../../binding/abi.ts';
import { kcmpRaw } from '../../binding/syscall.ts';
import { DescriptionOrder } from '../../descriptions/order.ts';
import type { Scan } from '../../scan/tables.ts';
import { addTo } from '../../util/multimap.ts';
import type { Group, Seen } from './peer.ts';

/** Told of a descriptor that was closed since it was seen, with the errno's name. */
export type OnClosed = (one: Seen, code: string) => void;

/**
 * Where kcmp cannot tell, those that were opened alike are told as one. What moves is counted as not looked at; what was
 * closed since it was seen stands by itself.
 * @param onClosed - told of that instead, which is left out: another may have that description by now
 */
export const byDescription = (
  { comparable, account }: Pick<Scan, 'comparable' | 'account'>,
  onClosed?: OnClosed,
): Group =>
  function* (seen) {
    if (seen.length < 2) return seen.map((one) => [one]);
    if (!comparable) {
      const alike = new Map<string, Seen[]>();
      for (const one of seen) addTo(alike, one.end, one);
      return [...alike.values()];
    }
    const at = (item: number): Seen => seen[item] as Seen;
    const ask = (a: number, b: number): number => kcmpRaw(at(a).pid, at(b).pid, KCMP_FILE, at(a).fd, at(b).fd);
    const closed: number[][] = [];
    const order = new DescriptionOrder(seen.length, ask, (item, code) => {
      if (code !== 'EBADF' && code !== 'ESRCH') account.skip(at(item).pid, code, 'descriptor');
      else if (onClosed === undefined) closed.push([item]);
      else onClosed(at(item), code);
    });
    const groups = [...(yield* order.tellApart(Int32Array.from(seen.keys()))), ...closed];
    for (const group of groups) group.sort((a, b) => a - b);
    return groups.sort(([a = 0], [b = 0]) => a - b).map((group) => group.map(at));
  };
