/* A loop of calls: what one call costs when nothing stands before it. */
#define _GNU_SOURCE
#include "reference.h"

long loop_file(int times, int pid1, int pid2, int fd1, int fd2) {
  long sum = 0;
  for (int i = 0; i < times; i++) sum += syscall(SYS_kcmp, pid1, pid2, KCMP_FILE, fd1, fd2);
  return sum;
}

long loop_epoll_target(int times, int pid1, int pid2, int fd, int efd, int tfd, int toff) {
  long sum = 0;
  for (int i = 0; i < times; i++) {
    struct kcmp_epoll_slot slot = {efd, tfd, toff};
    sum += syscall(SYS_kcmp, pid1, pid2, KCMP_EPOLL_TFD, fd, &slot);
  }
  return sum;
}
