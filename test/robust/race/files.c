/* Files of every kind that can be opened without privileges, each kept open under its master number. */
#include "mover.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void place(int fd, int number) { sure(fd, "open"); sure(dup2(fd, number), "dup2"); if (fd != number) close(fd); }
/* A second description of the same inode. */
static int reopen(int file) {
  char path[40];
  sprintf(path, "/proc/self/fd/%d", MASTER(file));
  return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}
static int is(const char *kind, const char *name) { return strcmp(kind, name) == 0; }
static const char *name_of(const char *kind) {
  return is(kind, "null") ? "character device" : is(kind, "file") || is(kind, "files") ? "regular" :
    is(kind, "pipes") ? "pipe" : is(kind, "epoll") ? "eventpoll" : kind;
}
static int pipes;
static int open_kind(const char *kind) {
  if (is(kind, "eventfd")) return eventfd(0, 0);
  if (is(kind, "timerfd")) return timerfd_create(CLOCK_MONOTONIC, 0);
  if (is(kind, "epoll")) return epoll_create1(0);
  if (is(kind, "memfd")) return memfd_create("kcmp-race", 0);
  if (is(kind, "null")) return open("/dev/null", O_RDONLY);
  if (is(kind, "socket")) return socket(AF_UNIX, SOCK_DGRAM, 0);
  if (is(kind, "pipe") || is(kind, "pipes")) {
    int ends[2];
    sure(pipe(ends), "pipe");
    int writing = is(kind, "pipes") && pipes++ % 2; /* so that of two by turns one is the other end, of another pipe */
    close(ends[!writing]);
    return ends[writing];
  }
  if (is(kind, "file") || is(kind, "files")) {
    FILE *file = tmpfile(); /* has no name */
    return file ? fileno(file) : -1;
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
  int one = is(kind, "file") || is(kind, "memfd") || is(kind, "pipe") || is(kind, "tty"), own = !one, ends[2] = { -1, -1 };
  if (is(kind, "pipe")) sure(pipe(ends), "pipe");
  take_file(X, kind, own ? 10 + X : 1, ends[0] >= 0 ? ends[0] : open_kind(kind));
  take_file(Y, kind, own ? 10 + Y : 1, ends[1] >= 0 ? ends[1] : own ? open_kind(kind) : reopen(X));
  take_file(Z, kind, own ? 10 + Z : 1, own ? open_kind(kind) : reopen(X));
}
