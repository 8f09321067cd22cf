/**
 * The addresses of a network namespace's own interfaces: /proc/PID/net/fib_trie for IPv4, /proc/PID/net/if_inet6 for IPv6.
 * Everybody may read them.
 *
 * Sources: fib_trie_seq_show() of net/ipv4/fib_trie.c, if6_seq_show() of net/ipv6/addrconf.c.
 */
import { v6Text } from '../../util/inet-address.ts';
import { readText } from '../read.ts';
import { PROC } from '../root.ts';

/** An address with the first of its routes behind it, of which that to a local address is one. */
const V4 = /\|-- ([\d.]+)\n\s+\/32 host LOCAL$/gm;
const V6 = /^([\da-f]{8})([\da-f]{8})([\da-f]{8})([\da-f]{8}) /gm;

export const parseFibTrie = (text: string): string[] => Array.from(text.matchAll(V4), ([, address = '']) => address);

export const parseInet6 = (text: string): string[] =>
  Array.from(text.matchAll(V6), ([, ...words]) => {
    const [a = 0, b = 0, c = 0, d = 0] = words.map((word) => Number.parseInt(word, 16));
    return v6Text(a, b, c, d);
  });

/** Those of the namespace that a task is in; none where they cannot be read. */
export function readLocalAddresses(pid: number | 'thread-self', root: string = PROC): Set<string> {
  const text = (file: string): string => {
    const read = readText(`${root}/${pid}/net/${file}`, 'latin1');
    return typeof read === 'string' ? '' : read.text;
  };
  return new Set([...parseFibTrie(text('fib_trie')), ...parseInet6(text('if_inet6'))]);
}

/** Every address of 127.0.0.0/8 is this machine's own. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
