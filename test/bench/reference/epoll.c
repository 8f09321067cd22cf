/* Finding the descriptors behind the targets of an epoll instance, in the two plain ways. */
#define _GNU_SOURCE
#include "reference.h"
#include <stdlib.h>

static long compare(int pid, int fd, int efd, int tfd, struct counts *counts) {
  struct kcmp_epoll_slot slot = {efd, tfd, 0};
  counts->kcmp_calls++;
  long result = syscall(SYS_kcmp, pid, pid, KCMP_EPOLL_TFD, fd, &slot);
  if (result < 0) counts->errors++;
  return result;
}

/* The answers are known beforehand, target i is fds[i]: one call confirms each. */
int epoll_confirm(int pid, int efd, const int *tfds, const int *fds, int length, struct counts *counts) {
  for (int i = 0; i < length; i++)
    if (compare(pid, fds[i], efd, tfds[i], counts) == 0) counts->groups++;
  return 0;
}

/* As checkpointers do: the descriptors sorted by KCMP_FILE once, then a binary search for each target. */
int epoll_search(int pid, int efd, const int *tfds, int length, struct counts *counts) {
  struct list list = {0};
  if (read_descriptors(&list, pid, 0, counts) == -1) return -1;
  sort_by_file(list.items, list.length, counts);
  for (int i = 0; i < length; i++) {
    size_t low = 0, high = list.length;
    while (low < high) {
      size_t middle = low + (high - low) / 2;
      long result = compare(pid, list.items[middle].fd, efd, tfds[i], counts);
      if (result == 0) {
        counts->groups++;
        break;
      }
      if (result == 1) low = middle + 1;
      else high = middle;
    }
  }
  free(list.items);
  return 0;
}
