/*
 * mover MOVE KIND PERIOD_US SEED FILE: sets a scene up, prints it, and moves until standard input ends or its parent
 * does. FILE is the shared memory. The lines that it prints are read by scene.ts.
 */
#include "mover.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

struct shared *shared;
static char **arguments;
static unsigned period, state;
static struct hold { int who, fd, file; } holds[64];
static struct ask { const char *question; int who, fd, other, moves; } asked[16];
static int cell_fds[CELLS], hold_count, cell_count, ask_count, mover;

void die(const char *what) { perror(what); kill(0, SIGTERM); _exit(1); }
static int sure(int result, const char *what) { if (result < 0) die(what); return result; }

unsigned below(unsigned limit) { /* xorshift32 */
  state ^= state << 13; state ^= state >> 17; state ^= state << 5;
  return state % limit;
}
void rest(void) {
  if (period == 0) return;
  unsigned long ns = period * 500ul + below(period * 1000); /* 0.5 … 1.5 of it, so that it meets every phase */
  struct timespec time = { ns / 1000000000, ns % 1000000000 };
  nanosleep(&time, 0);
}
void announce(int c, int next) {
  shared->cells[c].next = next;
  shared->cells[c].said[next]++;
}
void arrive(int c, int now) { shared->cells[c].now = now; shared->moves++; }
void become(int c, int from, int file) { announce(c, file); sure(dup2(from, cell_fds[c]), "dup2"); arrive(c, file); }
void vanish(int c) { announce(c, NONE); sure(close(cell_fds[c]), "close"); arrive(c, NONE); }
void again(void) {
  char seed[16];
  sprintf(seed, "%u", state);
  arguments[4] = seed;
  arguments[6] = "again";
  execv("/proc/self/exe", arguments);
  die("execv");
}

static void place(int fd, int number) { sure(fd, "open"); sure(dup2(fd, number), "dup2"); if (fd != number) close(fd); }
/* A second description of the same inode. */
static int reopen(int file) {
  char path[40];
  sprintf(path, "/proc/self/fd/%d", MASTER(file));
  return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}
static int is(const char *kind, const char *name) { return strcmp(kind, name) == 0; }
static const char *name_of(const char *kind) {
  return is(kind, "null") ? "character device" : is(kind, "file") ? "regular" : is(kind, "epoll") ? "eventpoll" : kind;
}
static int open_kind(const char *kind) {
  if (is(kind, "eventfd")) return eventfd(0, 0);
  if (is(kind, "timerfd")) return timerfd_create(CLOCK_MONOTONIC, 0);
  if (is(kind, "epoll")) return epoll_create1(0);
  if (is(kind, "memfd")) return memfd_create("kcmp-race", 0);
  if (is(kind, "null")) return open("/dev/null", O_RDONLY);
  if (is(kind, "socket")) return socket(AF_UNIX, SOCK_DGRAM, 0);
  if (is(kind, "pipe")) {
    int ends[2];
    sure(pipe(ends), "pipe");
    close(ends[1]);
    return ends[0];
  }
  if (is(kind, "file")) {
    char path[] = "/tmp/kcmp-race-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    return fd;
  }
  if (is(kind, "tty")) { /* its master stays open */
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    unlockpt(master);
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  }
  errno = EINVAL;
  return -1;
}
void take_file(int file, const char *kind, int class, int fd) {
  int nothing = is(kind, "eventfd") || is(kind, "timerfd") || is(kind, "epoll") || is(kind, "null");
  char path[40], link[200] = "";
  place(fd, MASTER(file));
  sprintf(path, "/proc/self/fd/%d", MASTER(file));
  sure(readlink(path, link, sizeof link - 1), "readlink");
  printf("file %d %d %s\nlink %d %s\n", file, nothing ? 0 : class, name_of(kind), file, link);
}
void open_file(int file, const char *kind) { take_file(file, kind, 10 + file, open_kind(kind)); }
void open_three(const char *kind) {
  int own = is(kind, "eventfd") || is(kind, "timerfd") || is(kind, "socket") || is(kind, "null"), ends[2] = { -1, -1 };
  if (is(kind, "pipe")) sure(pipe(ends), "pipe");
  take_file(X, kind, own ? 10 + X : 1, ends[0] >= 0 ? ends[0] : open_kind(kind));
  take_file(Y, kind, own ? 10 + Y : 1, ends[1] >= 0 ? ends[1] : own ? open_kind(kind) : reopen(X));
  take_file(Z, kind, own ? 10 + Z : 1, own ? open_kind(kind) : reopen(X));
}
void item(int efile, int data, int tfd, int file, int c) {
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };
  sure(dup2(MASTER(file), tfd), "dup2");
  sure(epoll_ctl(MASTER(efile), EPOLL_CTL_ADD, tfd, &event), "epoll_ctl");
  close(tfd);
  printf("item %d %d %d %d %d\n", efile, data, tfd, file, c);
}
void hold(int who, int fd, int file) {
  sure(dup2(MASTER(file), fd), "dup2");
  holds[hold_count++] = (struct hold){ who, fd, file };
}
int cell(int fd, int file) {
  if (fd >= 0 && file != NONE) sure(dup2(MASTER(file), fd), "dup2");
  cell_fds[cell_count] = fd;
  announce(cell_count, file); arrive(cell_count, file);
  return cell_count++;
}
void say(const char *format, int a, int b) { printf(format, a, b); }
void ask(const char *question, int who, int fd, int other, int moves) {
  asked[ask_count++] = (struct ask){ question, who, fd, other, moves };
}

/* After the fork everybody closes what is not his. */
static void keep(int side) {
  for (int i = 0; i < hold_count; i++) if (!(holds[i].who & side)) close(holds[i].fd);
  if (side == KEEPER) for (int i = 0; i < cell_count; i++) if (cell_fds[i] >= 0) close(cell_fds[i]);
  for (int file = X; file < FILES; file++) close(MASTER(file));
}
static _Noreturn void move(const struct move *how) {
  for (;;) {
    rest();
    if (getppid() == 1) _exit(0); /* the keeper has ended */
    how->step();
  }
}
static void describe(int side) {
  int pids[] = { 0, getpid(), side == BORN ? 0 : mover };
  printf("pids %d %d\n", pids[KEEPER], pids[MOVER]);
  for (struct hold *h = holds; h < holds + hold_count; h++) {
    for (int who = KEEPER; who <= MOVER; who++) if (h->who & who) printf("still %d %d %d\n", pids[who], h->fd, h->file);
    if (h->who & BORN) printf("born %d %d\n", h->fd, h->file);
  }
  for (int i = 0; i < cell_count; i++) printf("cell %d %d %d\n", i, cell_fds[i] < 0 ? 0 : mover, cell_fds[i]);
  for (struct ask *a = asked; a < asked + ask_count; a++)
    printf("ask %s %d %d %d %d\n", a->question, pids[a->who], a->fd, a->other, a->moves);
  printf("go\n");
  fflush(stdout);
}

int main(int count, char **given) {
  const struct move *how = moves;
  char *copy[8] = { 0 };
  if (count < 6) return 2;
  memcpy(copy, given, sizeof(char *) * (count < 7 ? count : 7));
  arguments = copy;
  while (how->name && strcmp(how->name, given[1])) how++;
  if (how->name == 0) { fprintf(stderr, "no move %s\n", given[1]); return 2; }
  period = atoi(given[3]); state = strtoul(given[4], 0, 10) | 1;
  int fd = sure(open(given[5], O_RDWR), given[5]);
  shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) die("mmap");
  close(fd);
  mover = getpid();
  if (count > 6) { cell_fds[0] = 10; move(how); }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_TIMERSLACK, 1);
  setpgid(0, 0);
  signal(SIGCHLD, SIG_IGN); /* so that nobody has to wait for what ends */
  close_range(3, ~0u, 0);
  how->setup(given[2]);
  fflush(stdout);
  int keeper = getpid();
  mover = sure(fork(), "fork");
  if (mover == 0) {
    if (how->side == MOVER) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(0);
    mover = getpid();
    keep(how->side);
    for (shared->stage = 1; shared->stage < 2;) usleep(100);
    move(how);
  }
  keep(KEEPER);
  while (shared->stage < 1) usleep(100);
  describe(how->side);
  shared->stage = 2;
  char byte;
  while (read(0, &byte, 1) > 0) {}
  for (signal(SIGTERM, SIG_IGN); kill(0, SIGTERM), waitpid(-1, 0, WNOHANG) >= 0;) usleep(200);
  return 0;
}
