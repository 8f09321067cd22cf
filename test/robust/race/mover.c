/*
 * mover MOVE KIND PERIOD_US SEED: sets a scene up, prints it, and moves until standard input ends or its parent does.
 * Fd 3 is the shared memory. With `asked` for the period it moves once for each byte that it reads from fd 4. The lines
 * that it prints are read by scene.ts.
 */
#include "mover.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

struct shared *shared;
static char **arguments;
static unsigned period, asked_for, state;
static struct place { int who, fd, file; } holds[64], cells[CELLS];
static struct ask { const char *question; int who, fd, other, moves; } asked[16];
static int hold_count, cell_count, ask_count, keeper, mover;
enum { READY = 1, MOVING, ENDING };

void die(const char *what) {
  perror(what);
  if (keeper) kill(keeper, SIGKILL); /* and all that is below it ends */
  _exit(1);
}
int sure(int result, const char *what) { if (result < 0) die(what); return result; }

unsigned below(unsigned limit) { /* xorshift32 */
  state ^= state << 13; state ^= state >> 17; state ^= state << 5;
  return state % limit;
}
void rest(void) {
  char turn;
  if (asked_for && read(4, &turn, 1) != 1) _exit(0);
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
void become(int c, int from, int file) { announce(c, file); sure(dup2(from, cells[c].fd), "dup2"); arrive(c, file); }
void vanish(int c) { announce(c, NONE); sure(close(cells[c].fd), "close"); arrive(c, NONE); }
void again(void) {
  char seed[16];
  sprintf(seed, "%u", state);
  arguments[4] = seed;
  arguments[5] = "again";
  execv("/proc/self/exe", arguments);
  die("execv");
}

void item(int efile, int data, int tfd, int file, int c) {
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };
  sure(dup2(MASTER(file), tfd), "dup2");
  sure(epoll_ctl(MASTER(efile), EPOLL_CTL_ADD, tfd, &event), "epoll_ctl");
  close(tfd);
  printf("item %d %d %d %d %d\n", efile, data, tfd, file, c);
}
/* An instance that watches X and Y under closed numbers, X also under the number that it may have today, and Y under
 * one that may be another file now. */
void watch(int who) {
  open_file(E, "epoll");
  item(E, 1, 45, X, -1);
  item(E, 2, 46, Y, -1);
  item(E, 3, 50, X, -1);
  item(E, 4, 52, Y, -1);
  hold(who, 90, E);
}
void hold(int who, int fd, int file) {
  sure(dup2(MASTER(file), fd), "dup2");
  holds[hold_count++] = (struct place){ who, fd, file };
}
int cell(int who, int fd, int file) {
  if (fd >= 0 && file != NONE) sure(dup2(MASTER(file), fd), "dup2");
  cells[cell_count] = (struct place){ who, fd, file };
  announce(cell_count, file); arrive(cell_count, file);
  return cell_count++;
}
void say(const char *format, int a, int b) { printf(format, a, b); }
void ask(const char *question, int who, int fd, int other, int moves) {
  asked[ask_count++] = (struct ask){ question, who, fd, other, moves };
}

/* After the fork everybody closes what is not theirs. */
static void keep(int side) {
  for (int i = 0; i < hold_count; i++) if (!(holds[i].who & side)) close(holds[i].fd);
  if (side == KEEPER) {
    for (int i = 0; i < cell_count; i++) if (cells[i].fd >= 0) close(cells[i].fd);
    close(4);
  }
  for (int file = X; file < FILES; file++) close(MASTER(file));
}
static _Noreturn void move(const struct move *how) {
  for (;;) {
    rest();
    if (shared->stage == ENDING || getppid() == 1) _exit(0); /* the keeper is about to end, or has ended */
    how->step();
  }
}
static void describe(int side) {
  int pids[] = { [KEEPER] = getpid(), [MOVER] = side == BORN ? 0 : mover, [TWIN] = shared->twin };
  printf("pids %d %d %d\n", pids[KEEPER], pids[MOVER], pids[TWIN]);
  for (struct place *h = holds; h < holds + hold_count; h++) {
    for (int who = KEEPER; who <= TWIN; who *= 2)
      if (h->who & who & ~BORN) printf("still %d %d %d\n", pids[who], h->fd, h->file);
    if (h->who & BORN) printf("born %d %d\n", h->fd, h->file);
  }
  for (int i = 0; i < cell_count; i++)
    printf("cell %d %d %d\n", i, cells[i].fd < 0 ? 0 : pids[cells[i].who], cells[i].fd);
  for (struct ask *a = asked; a < asked + ask_count; a++)
    printf("ask %s %d %d %d %d\n", a->question, pids[a->who], a->fd, a->other, a->moves);
  printf("go\n");
  fflush(stdout);
}

int main(int count, char **given) {
  const struct move *how = moves;
  char *copy[8] = { 0 };
  if (count < 5) return 2;
  memcpy(copy, given, sizeof(char *) * (count < 6 ? count : 6));
  arguments = copy;
  while (how->name && strcmp(how->name, given[1])) how++;
  if (how->name == 0) { fprintf(stderr, "no move %s\n", given[1]); return 2; }
  asked_for = !strcmp(given[3], "asked"); period = atoi(given[3]); state = strtoul(given[4], 0, 10) | 1;
  shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
  if (shared == MAP_FAILED) die("mmap");
  mover = getpid();
  if (count > 5) { cells[0].fd = 10; keeper = getppid(); move(how); }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_TIMERSLACK, 1);
  signal(SIGCHLD, SIG_IGN); /* so that nobody has to wait for what ends */
  close_range(4 + asked_for, ~0u, 0);
  how->setup(given[2]);
  fflush(stdout);
  keeper = getpid();
  mover = sure(fork(), "fork");
  if (mover == 0) {
    if (how->side == MOVER) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(0);
    mover = getpid();
    keep(how->side);
    if (how->begin) how->begin();
    for (shared->stage = READY; shared->stage == READY;) usleep(100);
    move(how);
  }
  keep(KEEPER);
  while (shared->stage < READY && waitpid(-1, 0, WNOHANG) >= 0) usleep(100);
  describe(how->side);
  shared->stage = MOVING;
  char byte;
  while (read(0, &byte, 1) > 0) {}
  shared->stage = ENDING;
  if (how->side == MOVER) kill(mover, SIGKILL); /* it may be at rest */
  while (waitpid(-1, 0, WNOHANG) >= 0) usleep(200);
  return 0;
}
