/** The public names of kcmp, and nothing else. */
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
export { KcmpError } from './binding/errors.ts';
export { packEpollSlot, unpackEpollSlot, type EpollSlot } from './binding/layout.ts';
export {
  compareEpollTarget,
  compareFiles,
  compareTasks,
  isEpollTarget,
  kcmp,
  sameFile,
  type EpollTargetRef,
  type FileRef,
  type Ordering,
} from './binding/kcmp.ts';
export { probe, type KcmpStatus, type KcmpSupport } from './binding/probe.ts';
export { listEpolls, readEpoll, resolveEpoll } from './inspect/epoll.ts';
export type * from './inspect/reports.ts';
export { findHolders } from './inspect/holders.ts';
export { groupFiles } from './inspect/groups.ts';
export { assertNoInherited, findInherited } from './inspect/inherited.ts';
export { taskSharing } from './inspect/tasks.ts';
export { identifyFiles } from './inspect/identify.ts';
