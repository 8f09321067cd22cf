/** What is wrong with an environment, and the exact change that mends it. */
import { list, plural, some } from '../../util/text.ts';
import type { Facts } from './facts.ts';

export interface Problem {
  /** `fatal`: kcmp cannot work; `limit`: something is missing; `note`: as it should be, good to know. */
  weight: 'fatal' | 'limit' | 'note';
  what: string;
  /** Any one of these helps. */
  fixes: string[];
}

const WITH_PTRACE = [
  'Docker, Podman: start the container with --cap-add=SYS_PTRACE',
  'Kubernetes: in the container\'s spec, securityContext: { capabilities: { add: ["SYS_PTRACE"] } }',
];
/** A pid namespace of its own, or a filter, is what a container has and a plain machine has not. */
const mayBeContained = ({ pidNamespace, seccomp }: Facts): boolean =>
  pidNamespace.nested !== false || seccomp.mode === 2;
/** No advice for whoever has it. */
const addPtrace = ({ capabilities }: Facts): string[] => (capabilities.sysPtrace === true ? [] : WITH_PTRACE);
const OTHER_PROFILE = 'Docker, Podman: start it with --security-opt seccomp=PROFILE.json, a profile that allows kcmp';
const KERNEL = 'a kernel with CONFIG_KCMP=y (before Linux 5.12: CONFIG_CHECKPOINT_RESTORE=y)';

/** By type: what the kernel needs for it. */
const OPTIONS: Readonly<Record<string, string>> = { sysvsem: 'CONFIG_SYSVIPC=y' };

const filterFixes = (facts: Facts): string[] => [
  ...addPtrace(facts),
  OTHER_PROFILE,
  'a sandbox of another kind: let its seccomp filter allow kcmp',
];

/** What can be told without kcmp, as identifyFiles does; '' where nothing can, or may not even be tried. */
function toldWithout({ ownFiles, proc }: Facts): string {
  if (ownFiles === null) return '';
  const told = proc.own ? ['sockets', 'files on different inodes'] : [];
  if (ownFiles) told.push("this process' own descriptors");
  return told.length === 0 ? '' : `; ${list(told)} can be told all the same`;
}

function theCall(facts: Facts): Problem[] {
  const { status, reason, fix } = facts.support;
  const told = toldWithout(facts);
  const weight = told === '' ? 'fatal' : 'limit';
  const problem = (fixes: string[]): Problem[] => [{ weight, what: `${reason}${told}`, fixes }];
  switch (status) {
    case 'available':
      return [];
    case 'blocked':
      return problem(filterFixes(facts));
    case 'missing':
      return problem([KERNEL, 'gVisor and other emulated kernels have no kcmp: use the runtime runc']);
    default:
      return problem(fix === undefined ? [] : [fix]);
  }
}

function theTypes(facts: Facts): Problem[] {
  const { status, types, epollTargets } = facts.support;
  if (status !== 'available') return [];
  const named = Object.entries(types);
  const blocked = named.flatMap(([type, status]) => (status === 'blocked' ? [type] : []));
  const absent = named.flatMap(([type, status]) => (status === 'available' || status === 'blocked' ? [] : [type]));
  const problems: Problem[] = [];
  if (blocked.length > 0) {
    const told = blocked.includes('file') ? toldWithout(facts) : '';
    const what = `a seccomp filter forbids to compare ${list(blocked)}${told}`;
    problems.push({ weight: 'limit', what, fixes: filterFixes(facts) });
  }
  if (absent.length > 0) {
    const needs = absent.map((type) => `a kernel with ${OPTIONS[type] ?? 'all comparison types, Linux 3.5 or later'}`);
    const what = `the kernel cannot compare ${list(absent)}`;
    problems.push({ weight: 'limit', what, fixes: [...new Set(needs), 'a filter that allows every type'] });
  }
  if (!epollTargets) {
    const fixes = ['Linux 4.13 or later, with CONFIG_EPOLL=y'];
    if (facts.seccomp.mode === 2) fixes.push('a seccomp filter that allows KCMP_EPOLL_TFD');
    problems.push({ weight: 'limit', what: 'epoll targets cannot be compared', fixes });
  }
  return problems;
}

function theProc({ proc, platform }: Facts): Problem[] {
  if (platform !== 'linux') return [];
  if (proc.denied) {
    const what = "Node's permission model does not let this process read /proc, so nothing can be listed";
    return [{ weight: 'limit', what, fixes: ['run Node with --allow-fs-read=/proc'] }];
  }
  if (!proc.mounted)
    return [
      {
        weight: 'limit',
        what: 'no proc is mounted at /proc, so nothing can be listed',
        fixes: ['mount -t proc proc /proc'],
      },
    ];
  if (!proc.own) {
    return [
      {
        weight: 'limit',
        what: '/proc belongs to another pid namespace, so its numbers are not those of kcmp',
        fixes: [
          'mount -t proc proc /proc, inside of this pid namespace',
          'unshare --pid --fork --mount-proc instead of unshare --pid',
        ],
      },
    ];
  }
  if (proc.hidepid === 'off' || proc.hidepid === '0' || proc.hidepid === null) return [];
  return [
    {
      weight: 'limit',
      what: `/proc is mounted with hidepid=${proc.hidepid}, so other users' processes look as if they were gone`,
      fixes: [
        'run as root',
        'mount -o remount,hidepid=0 /proc',
        'mount -o remount,gid=GROUP /proc, with this user in that group',
      ],
    },
  ];
}

const SHOWN = 5;

function theOthers(facts: Facts): Problem[] {
  const { processes, capabilities, uid } = facts;
  if (processes === null || processes.refused.length === 0) return [];
  const { refused } = processes;
  const what = `${plural(refused.length, 'process', 'processes')} may not be inspected (pid ${some(refused.map(String), SHOWN)})`;
  if (capabilities.sysPtrace === true) {
    return [
      {
        weight: 'note',
        what: `${what}, in spite of CAP_SYS_PTRACE: a user namespace, Landlock or another security module refuses`,
        fixes: ['run kcmp outside of the sandbox'],
      },
    ];
  }
  return [
    {
      weight: 'note',
      what: `${what}: they are other users', or not dumpable`,
      fixes: [
        uid === 0 ? 'give this process CAP_SYS_PTRACE' : 'run as the user whose processes they are, or as root',
        ...(mayBeContained(facts) ? WITH_PTRACE : []),
      ],
    },
  ];
}

export const diagnose = (facts: Facts): Problem[] =>
  [theCall, theTypes, theProc, theOthers].flatMap((look) => look(facts));
