/** The help texts: at most 80 columns, one example a command. */

const MAIN = `Usage: kcmp COMMAND [ARGUMENT]... [OPTION]...

Asks the Linux kernel what processes share, with kcmp(2): which descriptors
are one open file description, what an epoll instance really watches, and who
else holds a file.

Commands:
  same A B               are two descriptors, or resources of two tasks, one?
  epoll PID[:EFD]        what an epoll instance watches, and where that is now
  who PID:FD             who else holds this open file description
  groups [PID]...        open file descriptions with two holders or more
  tasks ID ID...         which resources tasks share
  inherited PID          descriptors that a child shares with its parent
  doctor                 can kcmp work here, and if not, what to change

Options:
  --json                 one JSON document on standard output; any command
  -h, --help             this help; after a command, that command's
  -V, --version          the version

A descriptor is PID:FD or /proc/PID/fd/FD. The id of a thread will do as PID.

Exit code: 0 same, found, clean; 1 different, none, findings; 2 trouble, also
when a scan found nothing and could not see everything.

Examples:
  kcmp same 4242:1 4243:1
  kcmp epoll 4242 --check
  kcmp who 4242:7
  kcmp groups --tree 4242
  kcmp tasks --threads 4242
  kcmp inherited 4243 --allow 'pipe:*'
  kcmp doctor
`;

const COMMANDS: Readonly<Record<string, string>> = {
  same: `Usage: kcmp same A B [--type TYPE] [--json]

Do A and B share one object of the kernel?

  A, B           PID:FD or /proc/PID/fd/FD; PID or TID for other types
  --type TYPE    file (the default): the open file description, which dup,
                 fork and SCM_RIGHTS share and a second open does not; or
                 vm, files, fs, sighand, io, sysvsem: a resource of two tasks
  --json         one JSON document

Exit code: 0 the same, 1 different, 2 trouble or not to be known.

Example, does this child still write to its parent's standard output?
  kcmp same 4242:1 4243:1
`,
  epoll: `Usage: kcmp epoll PID[:EFD] [--check] [--graph mermaid|dot] [--json]

Every target of an epoll instance, or of all those of a process: its state,
what it is, and who holds it. States:

  live           fd TFD of PID is this file
  renumbered     PID holds it, but under other numbers only
  foreign        only other processes hold it
  unresolved     no descriptor that could be read is this file

  --check        exit code 1 when a target is stale: not live, or its number
                 is another file today
  --graph WHAT   a graph for Mermaid or Graphviz instead of the table
  --json         one JSON document

Exit code: 0 found, clean; 1 no epoll instance, or stale targets; 2 trouble.

Example, why does epoll_wait report a descriptor that is closed?
  kcmp epoll 4242:5 --check
`,
  who: `Usage: kcmp who PID:FD [--json]

Who else refers to this open file description; then who has another one of
the same inode: a second open, or the other end of a pipe.

  --json         one JSON document

Exit code: 0 others hold it, 1 nobody else does, 2 trouble, or nobody was
found and not everything could be seen.

Example, who keeps this pipe open?
  kcmp who 4242:7
`,
  groups: `Usage: kcmp groups [PID]... [--tree PID] [--graph mermaid|dot] [--json]

The open file descriptions that have two holders or more, and who they are.

  PID            look at these processes only, instead of at all
  --tree PID     look at this process and all its descendants
  --graph WHAT   a graph for Mermaid or Graphviz instead of the list
  --json         one JSON document

Exit code: 0 found, 1 none, 2 trouble, or none found and not everything could
be seen.

Example, what do the workers of this server share?
  kcmp groups --tree 4242
`,
  tasks: `Usage: kcmp tasks ID ID... [--json]
       kcmp tasks --threads PID [--json]

Which resources do these tasks (processes or threads) share: address space,
descriptor table, filesystem information, signal handlers, I/O context and
list of semaphore undos.

  --threads PID  all threads of this process
  --json         one JSON document

Exit code: 0 something is shared, 1 nothing is, 2 trouble or not to be known.

Example, is this thread part of the process, or on its own?
  kcmp tasks 4242 4250
`,
  inherited: `Usage: kcmp inherited PID [--from PID] [--allow PATTERN]... [--json]

The descriptors beyond 0, 1 and 2 that a process shares with its parent:
those it was started with and most likely should not have.

  --from PID        compare with this process instead of the parent
  --allow PATTERN   a descriptor's number, or what it is, where * stands for
                    anything; may be given again
  --json            one JSON document

Exit code: 0 clean, 1 leaked descriptors, 2 trouble, or nothing found and not
everything could be seen.

Example, for CI:
  kcmp inherited 4243 --allow 'pipe:*' --allow 9
`,
  doctor: `Usage: kcmp doctor [--json]

Can kcmp work here: platform, kernel, the call itself and each of its types,
what a filter or missing privileges take away, and what to change.

  --json         one JSON document

Exit code: 0 all is well, 1 works with limits to mend, 2 kcmp cannot work.

Example, inside of a container:
  kcmp doctor
`,
};

/** The help of a command; of all for ''. */
export const helpFor = (command: string): string => COMMANDS[command] ?? MAIN;
