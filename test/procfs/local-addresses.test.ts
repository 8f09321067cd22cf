/** The addresses of a namespace's own interfaces. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { isLoopback, parseFibTrie, parseInet6, readLocalAddresses } from '../../src/procfs/net/local-addresses.ts';

const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
`;

test('addresses of hosts that are local are taken from a trie of routes, and no others', () => {
  assert.deepEqual(parseFibTrie(TRIE), ['127.0.0.1', '192.0.2.2']);
  assert.deepEqual(parseFibTrie(''), []);
});

test('IPv6 addresses read as everywhere else', () => {
  const text =
    'fd000000000000000000000000000002 04 40 00 82     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n';
  assert.deepEqual(parseInet6(text), ['fd00::2', '::1']);
  assert.deepEqual(parseInet6('none'), []);
});

test('they are those that Node knows, and none of a task that is not there', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  const found = readLocalAddresses('thread-self');
  assert.deepEqual(
    addresses.filter((address) => !found.has(address)),
    [],
  );
  assert.deepEqual(readLocalAddresses(2 ** 30), new Set());
});

test('all of 127.0.0.0/8 is loopback, and ::1', () => {
  assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1', '128.0.0.1', '::', 'fe80::1'].map(isLoopback), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
