/* The moves of descriptors and of items: what each scene looks like, and one step of what goes on in it. */
#include "mover.h"

/* Whether a link names it, so that whoever has it can be asked for. */
static int is_named(const char *kind) { return !strcmp(kind, "pipe") || !strcmp(kind, "pipes") || !strcmp(kind, "socket"); }

/* Descriptors flip between two descriptions of one inode, some of which nobody touches. */
static int cells;
static void turns_setup(const char *kind, int count) {
  int pollable = strcmp(kind, "file") && strcmp(kind, "files") && strcmp(kind, "memfd") && strcmp(kind, "null");
  open_three(kind);
  if (pollable) watch(BOTH);
  int still[][2] = { { 30, X }, { 31, Y }, { 50, X }, { 51, Y }, { 52, Z }, { 75, X }, { 76, Y } };
  for (int i = 0; i < 7; i++) hold(BOTH, still[i][0], still[i][1]);
  cells = count;
  for (int i = 0; i < cells; i++) cell(MOVER, 10 + 30 * ((i + 1) % 4), X);
  ask("holders", MOVER, 50, 0, 0); ask("holders", KEEPER, 31, 0, 0); ask("holders", MOVER, 40, 0, 1);
  ask("groups", KEEPER, 0, 0, 0); ask("inherited", MOVER, 0, 0, 0); ask("process", MOVER, 0, 0, 1);
  if (pollable) ask("epoll", MOVER, 90, 0, 0);
  if (is_named(kind)) ask("link", KEEPER, 50, 0, 0);
}
static void flip_setup(const char *kind) { turns_setup(kind, 4); }
static void flip(void) { unsigned to = below(2); become(below(cells), to ? 50 : 51, to ? X : Y); }

/* The same of one alone: what two looks in a row find of it is the same more often than by chance. */
static void lone_setup(const char *kind) { turns_setup(kind, 1); }

/* The mover holds X and Y all the time, each under another number every time: Y nobody else does. */
static const int numbers[] = { 20, 60, 100, 140 };
static int at[2], roamers, places;
static void roam_setup(const char *kind) {
  int pollable = strcmp(kind, "file");
  open_three(kind);
  if (pollable) watch(KEEPER);
  hold(KEEPER, 9, X); hold(KEEPER, 70, X); hold(BOTH, 30, Z);
  for (int i = 0; i < 8; i++) cell(MOVER, numbers[i % 4] + i / 4, i % 4 ? NONE : i / 4 ? Y : X);
  say("roam %d\nroam %d\n", X, Y);
  ask("holders", KEEPER, 9, 0, 0); ask("groups", KEEPER, 0, 0, 0); ask("inherited", MOVER, 0, 0, 0);
  ask("process", KEEPER, 0, 0, 0); ask("process", MOVER, 0, 0, 1);
  if (pollable) ask("epoll", KEEPER, 90, 0, 0);
  if (is_named(kind)) ask("link", KEEPER, 9, 0, 0);
}
static void renumber_setup(const char *kind) { roamers = 2; places = 4; roam_setup(kind); }
static void renumber(void) {
  int which = below(roamers), from = at[which], to = (from + 1 + below(places - 1)) % places;
  become(4 * which + to, numbers[from] + which, which ? Y : X);
  vanish(4 * which + from);
  at[which] = to;
}

/* Of X alone, by turns under two: each look may list the one and compare when it is the other. */
static void swap_setup(const char *kind) { roamers = 1; places = 2; roam_setup(kind); }

/* The descriptors that are asked about become other files: of another inode and kind, of another instance. */
static int gap;
static void reuse_setup(const char *kind) {
  gap = !strcmp(kind, "close");
  open_file(X, "file"); open_file(Y, "pipe"); open_file(E, "epoll"); open_file(E2, "epoll");
  item(E, 1, 51, Y, -1); item(E2, 2, 45, Y, -1); item(E2, 3, 51, Y, -1);
  hold(BOTH, 50, X); hold(BOTH, 51, Y); hold(BOTH, 92, E); hold(BOTH, 93, E2);
  cell(MOVER, 10, X); cell(MOVER, 11, E);
  ask("holders", MOVER, 10, 0, 1); ask("epoll", MOVER, 11, 0, 1);
  ask("groups", KEEPER, 0, 0, 0); ask("inherited", MOVER, 0, 0, 0);
}
static void reuse(void) {
  static int turn[2];
  int which = below(2), other = turn[which] = !turn[which];
  if (gap) vanish(which);
  become(which, (which ? 92 : 50) + other, (which ? E : X) + other);
}

/* An item of an epoll instance comes and goes, before another one under the same number. */
static int is_last(int data) {
  char text[4096] = "", line[40], path[40];
  sprintf(path, "/proc/self/fdinfo/%d", MASTER(E));
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) die("fdinfo");
  close(fd);
  sprintf(line, "data: %16x", data);
  char *found = strstr(text, line);
  return found && !strstr(found + 1, "data:");
}
static void aba_setup(const char *kind) {
  open_file(X, kind); open_file(Y, kind); open_file(E, "epoll");
  item(E, 1, 70, X, -1); item(E, 2, 70, Y, cell(MOVER, -1, Y));
  if (is_last(2)) { /* the kernel orders items by the addresses of their files: let the other one come and go */
    dup2(MASTER(X), 199); dup2(MASTER(Y), MASTER(X)); dup2(199, MASTER(Y)); close(199);
    for (int file = X; file <= Y; file++) {
      struct epoll_event event = { .events = EPOLLIN, .data.u64 = file };
      dup2(MASTER(file), 70);
      if (epoll_ctl(MASTER(E), EPOLL_CTL_MOD, 70, &event)) die("epoll_ctl");
    }
  }
  hold(BOTH, 40, E); hold(BOTH, 50, X); hold(BOTH, 51, Y); hold(BOTH, 70, Y);
  ask("epoll", MOVER, 40, 0, 1); ask("epoll", KEEPER, 40, 0, 1);
}
static void aba(void) {
  static int gone;
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = 2 };
  gone = !gone;
  announce(0, gone ? NONE : Y);
  if (epoll_ctl(40, gone ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, 70, &event)) die("epoll_ctl");
  arrive(0, gone ? NONE : Y);
}

/* 5 and 6 are never one description: both are O_PATH of one socket, but two opens, or two other sockets. */
static void opath_setup(const char *kind) {
  (void)kind;
  open_file(E2, "socket");
  for (int file = X; file <= Y; file++) {
    char path[40];
    sprintf(path, "/proc/self/fd/%d", MASTER(E2));
    take_file(file, "socket", 10 + E2, open(path, O_PATH));
  }
  open_file(Z, "socket"); open_file(E, "socket");
  for (int file = X; file <= E; file++) hold(MOVER, 20 + file, file);
  cell(MOVER, 5, X); cell(MOVER, 6, Y);
  ask("identify", MOVER, 5, 6, 1); ask("groups", KEEPER, 0, 0, 0);
  ask("holders", MOVER, 23, 0, 0); ask("holders", MOVER, 5, 0, 1);
}
static void opath(void) {
  int to = below(2) ? X : Z;
  for (int which = 0; which < 2; which++) become(which, 20 + to + which, to + which);
}

const struct move moves[] = {
  { "flip", MOVER, flip_setup, 0, flip },
  { "lone", MOVER, lone_setup, 0, flip },
  { "renumber", MOVER, renumber_setup, 0, renumber },
  { "swap", MOVER, swap_setup, 0, renumber },
  { "reuse", MOVER, reuse_setup, 0, reuse },
  { "aba", MOVER, aba_setup, 0, aba },
  { "opath", MOVER, opath_setup, 0, opath },
  { "chain", BORN, chain_setup, 0, chain },
  { "pass", MOVER, pass_setup, pass_begin, pass },
  { "dumpable", MOVER, dumpable_setup, 0, dumpable },
  { "exec", MOVER, exec_setup, 0, exec },
  { 0 },
};
