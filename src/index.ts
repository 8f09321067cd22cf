/** The public names of kcmp, listed one by one, and nothing else. */
export {
  KCMP_EPOLL_TFD,
  KCMP_FILE,
  KCMP_FILES,
  KCMP_FS,
  KCMP_IO,
  KCMP_SIGHAND,
  KCMP_SYSVSEM,
  KCMP_VM,
  type KcmpResult,
  type KcmpType,
  type TaskResource,
} from './binding/abi.ts';
export { packEpollSlot, unpackEpollSlot, type EpollSlot } from './binding/epoll-slot.ts';
export { KcmpError } from './binding/errors.ts';
export {
  compareEpollTarget,
  compareFiles,
  compareTasks,
  isEpollTarget,
  sameFile,
  type EpollTargetRef,
  type Ordering,
} from './binding/compare.ts';
export { kcmp, type FileRef, type KcmpIndices } from './binding/kcmp.ts';
export { probe, type KcmpStatus, type KcmpSupport } from './binding/probe.ts';
export type { EpollItem } from './procfs/epoll-items.ts';
export type { FileKind } from './procfs/kind.ts';
export type { Coverage, Skipped } from './scan/coverage.ts';
export type { Holder } from './scan/holder.ts';
export type { Part, ScanOptions } from './scan/options.ts';
export type { FileIdentity, Via } from './descriptions/without-kcmp.ts';
export { listEpolls, readEpoll, resolveEpoll, type EpollOptions, type EpollReport } from './inspect/epoll.ts';
export type {
  EpollTarget,
  ResolvedTarget,
  TargetFacts,
  TargetStatus,
  UnresolvedTarget,
} from './inspect/epoll/targets.ts';
export { groupFiles, type FileGroup, type GroupOptions, type GroupReport } from './inspect/groups.ts';
export type { Elsewhere } from './inspect/elsewhere.ts';
export { fileOf } from './inspect/file-of.ts';
export { findHolders, type HolderOptions, type HolderReport } from './inspect/holders.ts';
export { findOpen, type OpenOptions, type OpenReport } from './inspect/open.ts';
export type { Lock } from './inspect/locks.ts';
export type { OpenFile, SocketQueues } from './inspect/open-file.ts';
export type { FoundFile } from './inspect/open/found-file.ts';
export type { Idle } from './inspect/open/idle.ts';
export type { Unheld } from './inspect/open/sought.ts';
export type { EndFacts, EndState, OtherEnd } from './inspect/peers.ts';
export type { Watcher } from './inspect/watchers/lists.ts';
export type { StaleEpoll } from './inspect/process/stale.ts';
export type { Waiting } from './inspect/process/waiting.ts';
export type { PeerEnd, PeerState, PeerVia } from './inspect/peers/peer.ts';
export { identifyFiles } from './inspect/identify.ts';
export {
  assertNoInherited,
  findInherited,
  inheritedByUs,
  type InheritedFile,
  type InheritedOptions,
  type InheritedReport,
  type UnexplainedFile,
} from './inspect/inherited.ts';
export { taskSharing, type TaskSharing } from './inspect/tasks.ts';
export type { SharingVerdict, TaskPair } from './inspect/tasks/verdict.ts';
