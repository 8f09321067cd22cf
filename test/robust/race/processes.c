/* The moves of processes: what each scene looks like, and one step of what goes on in it. */
#include "mover.h"
#include <errno.h>
#include <sys/syscall.h>

/* A process that holds X and Y forks and ends, and so does its child. */
void chain_setup(const char *kind) {
  int pollable = strcmp(kind, "file");
  open_three(kind);
  if (pollable) watch(KEEPER);
  hold(KEEPER | BORN, 9, X); hold(BORN, 12, Y); hold(KEEPER, 30, Z);
  say("roam %d\nroam %d\n", X, Y);
  ask("holders", KEEPER, 9, 0, 0); ask("groups", KEEPER, 0, 0, 0); ask("process", KEEPER, 0, 0, 0);
  if (pollable) ask("epoll", KEEPER, 90, 0, 0);
}
void chain(void) {
  shared->moves++;
  if (fork() > 0) _exit(0);
}

/* The mover and its twin, a process like itself, take X from each other and close their own when the other has it. */
enum { IDLE, TAKE, DROP, START, NUMBER = 4 };
static int pidfd;
static void take(int c) {
  announce(c, X);
  int fd = syscall(SYS_pidfd_getfd, pidfd, NUMBER, 0);
  if (fd < 0 && errno == ESRCH) _exit(0); /* the other was ended just now */
  if (fd != NUMBER) die("pidfd_getfd"); /* the lowest one that is free */
  arrive(c, X);
}
void pass_setup(const char *kind) {
  open_three(kind);
  watch(KEEPER);
  cell(MOVER, NUMBER, X); cell(TWIN, NUMBER, NONE);
  hold(KEEPER, 9, X); hold(KEEPER, 31, Y); hold(BOTH | TWIN, 30, Z);
  say("roam %d\n", X, 0);
  ask("holders", KEEPER, 9, 0, 0); ask("groups", KEEPER, 0, 0, 0); ask("epoll", KEEPER, 90, 0, 0);
}
void pass_begin(void) {
  shared->request = START;
  int other = getpid(), child = fork();
  shared->twin = child ? child : getpid();
  int fd = syscall(SYS_pidfd_open, child ? child : other, 0);
  if ((pidfd = fcntl(fd, F_DUPFD, 150)) < 0) die("pidfd_open");
  close(fd);
  if (child) {
    while (shared->request == START) usleep(20); /* it holds X before */
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != other) _exit(0);
  close(NUMBER);
  shared->request = IDLE;
  for (;; usleep(20)) {
    if (shared->request == TAKE) take(1);
    else if (shared->request == DROP) vanish(1);
    else continue;
    shared->request = IDLE;
  }
}
static void twin(int request) {
  for (shared->request = request; shared->request != IDLE;) usleep(20);
}
void pass(void) {
  static int away;
  away = !away;
  if (away) { twin(TAKE); vanish(0); }
  else { take(0); twin(DROP); }
}

/* The mover may be looked at, and then it may not: for ordinary users. */
void dumpable_setup(const char *kind) {
  open_three(kind);
  watch(BOTH);
  say("access %d\n", cell(MOVER, -1, 1), 0);
  hold(BOTH, 30, X); hold(KEEPER, 50, X); hold(MOVER, 51, Y); hold(BOTH, 52, Z);
  ask("holders", KEEPER, 30, 0, 0); ask("holders", MOVER, 30, 0, 1); ask("groups", KEEPER, 0, 0, 0);
  ask("epoll", KEEPER, 90, 0, 0); ask("inherited", MOVER, 0, 0, 1);
}
void dumpable(void) {
  static int may = 1;
  announce(0, may = !may);
  if (prctl(PR_SET_DUMPABLE, may)) die("PR_SET_DUMPABLE");
  arrive(0, may);
}

/* The mover executes itself, which closes one descriptor; the others stay. */
void exec_setup(const char *kind) {
  open_three(kind);
  watch(BOTH);
  hold(BOTH, 30, X); hold(BOTH, 50, X); hold(BOTH, 51, Y); hold(MOVER, 70, Y); hold(BOTH, 52, Z);
  cell(MOVER, 10, NONE);
  ask("holders", MOVER, 50, 0, 0); ask("holders", KEEPER, 51, 0, 0); ask("groups", KEEPER, 0, 0, 0);
  ask("inherited", MOVER, 0, 0, 0); ask("epoll", KEEPER, 90, 0, 0); ask("epoll", MOVER, 90, 0, 0);
}
void exec(void) {
  arrive(0, NONE); /* nobody announces it after an execve */
  announce(0, Y);
  if (dup3(51, 10, O_CLOEXEC) < 0) die("dup3");
  arrive(0, Y);
  rest();
  announce(0, NONE);
  again();
}
