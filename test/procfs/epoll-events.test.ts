import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventNames } from '../../src/procfs/epoll-events.ts';

test('eventNames spells every bit as <sys/epoll.h> does', () => {
  assert.deepEqual(eventNames(0x19), ['EPOLLIN', 'EPOLLERR', 'EPOLLHUP']);
  assert.deepEqual(eventNames(0x2006), ['EPOLLPRI', 'EPOLLOUT', 'EPOLLRDHUP']);
  assert.deepEqual(eventNames(0xf0000000), ['EPOLLEXCLUSIVE', 'EPOLLWAKEUP', 'EPOLLONESHOT', 'EPOLLET']);
});

test('eventNames gives bits without a name as one hexadecimal number behind the names', () => {
  assert.deepEqual(eventNames(0x1801), ['EPOLLIN', '0x1800']);
  assert.deepEqual(eventNames(0x04000000), ['0x4000000']);
});

test('eventNames gives nothing for an empty mask', () => {
  assert.deepEqual(eventNames(0), []);
});

test('eventNames loses no bit and gives no negative number', () => {
  for (let bit = 0; bit < 32; bit++) {
    const [name = '', ...others] = eventNames((1 << bit) >>> 0);
    assert.deepEqual(others, []);
    assert.match(name, /^(?:EPOLL[A-Z_]+|0x[1248]0*)$/);
  }
  assert.equal(new Set(eventNames(0xffffffff)).size, eventNames(0xffffffff).length);
});
