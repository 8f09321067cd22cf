/**
 * How people name what they ask about: a port, a path, a lock file, the text of a link, a descriptor, a process. Pure.
 *
 *   4711                                            a process, or a thread: all that it has open
 *   4711:3, /proc/4711/fd/3                         a descriptor
 *   :80, tcp:80, 127.0.0.1:80, [::1]:80, 80/tcp     a local port, of TCP and UDP or one of them
 *   socket:[4711], pipe:[4711]                      a socket or a pipe by its inode
 *   unix:@name, memfd:name                          an abstract socket, a memfd
 *   ./lock, /run/x.sock, .                          a path: whatever else holds a slash, and . and ..
 */
import { addressWords, v6Text } from './inet-address.ts';
import type { InetProtocol } from './socket.ts';

export interface DescriptorReference {
  is: 'descriptor';
  pid: number;
  fd: number;
}

export interface ProcessReference {
  is: 'process';
  pid: number;
}

export interface PortReference {
  is: 'port';
  protocols: readonly InetProtocol[];
  port: number;
  /** Local addresses in the form in which sockets tell theirs; undefined for every one. */
  addresses: readonly string[] | undefined;
}

export type Reference =
  | DescriptorReference
  | ProcessReference
  | PortReference
  | { is: 'link'; link: string }
  | { is: 'unix'; name: string }
  | { is: 'memfd'; name: string }
  | { is: 'path'; path: string };

/** Why a text is no reference. */
export interface NoReference {
  is: 'none';
  why: string;
}

const MAX = 2 ** 31 - 1;
export const MAX_PORT = 65535;
const BOTH: readonly InetProtocol[] = ['tcp', 'udp'];
const LOCALHOST = ['127.0.0.1', '::1'];
/** What people copy from lists of sockets and from errors for any address; to bind it is refused for whoever has one. */
const ANY = new Set(['', '*', '::']);

const EXPECTED =
  'expected PID, PID:FD, :PORT, HOST:PORT, PORT/tcp, socket:[INODE], pipe:[INODE], unix:@NAME, memfd:NAME or a path';
const none = (why: string): NoReference => ({ is: 'none', why });

/** What a text names, or why it names nothing. */
export function parseReference(text: string): Reference | NoReference {
  if (text.includes('\0')) return none(`${text} is no reference: no name on Linux holds a NUL`);
  if (/^\d+$/.test(text)) return processOf(text, Number(text));
  const descriptor = /^(\d+):(\d+)$/.exec(text) ?? /^\/proc\/(?:\d+\/task\/)?(\d+)\/fd\/(\d+)\/?$/.exec(text);
  if (descriptor !== null) return descriptorOf(text, Number(descriptor[1]), Number(descriptor[2]));
  if (/^(?:socket|pipe):\[\d{1,20}\]$/.test(text)) return { is: 'link', link: text };
  const [, memfd] = /^memfd:(.*)$/s.exec(text) ?? /^\/memfd:(.*) \(deleted\)$/s.exec(text) ?? [];
  if (memfd !== undefined) return { is: 'memfd', name: memfd };
  const [, address] = /^[a-z][a-z+.-]*:\/\/(?:[^/@]*@)?([^/?#]+)/i.exec(text) ?? [];
  if (address !== undefined)
    return none(`${text} is an address of the web; expected its port, such as ${portIn(address)}`);
  const [, file] = /^file:\/\/(\/.*)$/s.exec(text) ?? [];
  if (file !== undefined) return none(`${text} is an address of the web; expected the path, such as ${file}`);
  if (text.startsWith('unix:')) return unixOf(text, text.slice('unix:'.length));
  const port = portOf(text);
  if (port !== undefined) return port;
  const isPath = text.includes('/') || text === '.' || text === '..';
  return isPath ? { is: 'path', path: text } : none(wordOf(text));
}

function processOf(text: string, pid: number): Reference | NoReference {
  if (pid >= 1 && pid <= MAX) return { is: 'process', pid };
  return none(`${text} is no process; expected a PID, such as 4242`);
}

function descriptorOf(text: string, pid: number, fd: number): Reference | NoReference {
  if (pid >= 1 && pid <= MAX && fd <= MAX) return { is: 'descriptor', pid, fd };
  return none(`${text} is no descriptor; expected PID:FD, such as 4242:7`);
}

function unixOf(text: string, name: string): Reference | NoReference {
  if (name.startsWith('@') && name.length > 1) return { is: 'unix', name };
  if (name.includes('/')) return { is: 'path', path: name };
  return none(`${text} is no socket; expected unix:@NAME for an abstract name, or a path`);
}

/** A reference to the port that stands in an address of the web, if any does. */
const portIn = (address: string): string => (/:\d+$/.test(address) ? address : ':PORT');

/** Undefined for what does not look like a port at all. */
function portOf(text: string): Reference | NoReference | undefined {
  const [, bare = text, after] = /^([^/]*\d)\/([a-z]+\d?)$/i.exec(text) ?? [];
  const [, before, host = '', port] = /^(?:(tcp|udp)[:/])?(?:(\[[^\]/]*\]|[^/[\]]*):)?(\d+)$/i.exec(bare) ?? [];
  if (port === undefined || port === text) return undefined;
  const protocol = (before ?? after)?.toLowerCase();
  if (protocol !== undefined && !isInet(protocol))
    return OTHERS.test(protocol)
      ? none(`${text} is no port: expected one of tcp or udp, such as ${port}/tcp`)
      : undefined;
  const protocols = protocol === undefined ? BOTH : [protocol];
  if (ANY.has(host)) return checkedPort(text, protocols, undefined, port);
  const addresses = host === 'localhost' ? LOCALHOST : addressOf(host);
  if (typeof addresses === 'string') return none(`${text} is no port: ${addresses}`);
  return checkedPort(text, protocols, addresses.some((address) => ANY.has(address)) ? undefined : addresses, port);
}

const OTHERS = /^(?:tcp|udp|sctp|dccp|udplite|mptcp)[46]?$/;
const isInet = (text: string): text is InetProtocol => text === 'tcp' || text === 'udp';

const BRACKETS = 'an IPv6 address stands in brackets, such as [::1]:80';

/** The address as sockets tell it, or what is wrong with it. */
function addressOf(host: string): readonly string[] | string {
  const isBracketed = host.startsWith('[');
  const bare = isBracketed ? host.slice(1, -1) : host;
  const words = addressWords(bare);
  if (words === undefined && host.endsWith(':')) return BRACKETS; // the rest is after its last colon
  if (words === undefined)
    return `${host} is neither an address nor localhost, and no name is looked up; expected such as 127.0.0.1:80`;
  if (bare.includes(':') && !isBracketed) return BRACKETS;
  return [v6Text(...words)];
}

function checkedPort(
  text: string,
  protocols: readonly InetProtocol[],
  addresses: readonly string[] | undefined,
  digits: string,
): Reference | NoReference {
  const port = Number(digits);
  if (port >= 1 && port <= MAX_PORT) return { is: 'port', protocols, port, addresses };
  return none(`${text} is no port: ports are 1 to ${MAX_PORT}; a descriptor is PID:FD, such as 4242:0`);
}

/** A word alone, which may mean a process. */
function wordOf(text: string): string {
  if (/^[\w.+-]+$/.test(text))
    return `${text} is no reference; expected $(pgrep -n ${text}) for what a process has open, or ./${text} for a path`;
  return `${text === '' ? 'nothing' : text} is no reference; ${EXPECTED}`;
}
